/** For commands that print without end (`rip-server events | head -1`): when nobody reads on, they are done. */
export function endWithReader(): void {
  process.stdout.on('error', () => process.exit(0))
}
