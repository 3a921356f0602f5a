/**
 * For commands that print without end (`rip-server events | head -1`): ends the process when the reader has closed the
 * pipe.
 */
export function endWithReader(): void {
  process.stdout.on('error', () => process.exit(0))
}
