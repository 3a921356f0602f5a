/**
 * Opens 400 connections to the port in the first argument each second, asks nothing on them, and closes them half a second
 * later; a line on stdin ends it. Prints how many it has opened. A process of its own, so that the clients beside it do not wait for it.
 */
import net from 'node:net'

const HOGS = 400
const HOLD_MS = 500
const port = Number(process.argv[2])

let opened = 0
let isOver = false
process.stdin.once('data', () => (isOver = true))
while (!isOver) {
  const hogs = Array.from({ length: HOGS }, () => net.connect({ host: '127.0.0.1', port }))
  for (const hog of hogs) hog.on('error', () => {})
  opened += HOGS
  await Bun.sleep(HOLD_MS)
  for (const hog of hogs) hog.destroy()
  await Bun.sleep(HOLD_MS)
}
console.log(opened)
process.exit()
