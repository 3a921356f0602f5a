/** Makes a Unix socket that only its owner can open, from the moment it exists: the mode follows the mask (umask(2)). */
export function listenPrivately<T>(listen: () => T): T {
  const before = process.umask(0o177)
  try {
    return listen()
  } finally {
    process.umask(before)
  }
}
