/**
 * Sends requests at a fixed rate for some time, none of them twice, and prints how many failed, and what was answered.
 *
 *   bun load.ts 4s localhost:3000/you
 */
import { Load } from '@rip/testing'

const RATE_PER_SECOND = 500
const [time = '4s', address = 'localhost:3000/'] = process.argv.slice(2)
const seconds = Number.parseInt(time, 10)
const { port, pathname: path } = new URL(`http://${address}`)

const answers = new Map<string, number>()
await using load = new Load({
  port: Number(port),
  ratePerSecond: RATE_PER_SECOND,
  traffic: { request: () => ({ method: 'GET', path, keepAlive: true }) },
  onOutcome: ({ answer }) => {
    const text = answer?.body.toString().trim() ?? 'no answer'
    answers.set(text, (answers.get(text) ?? 0) + 1)
  },
})
load.start()
await Bun.sleep(seconds * 1_000)
const { sent, failed } = await load.stop()
const told = [...answers].map(([text, count]) => `${count} × ${text}`)
console.log(`${sent} requests in ${seconds} s, ${failed} failed: ${told.join(' · ')}`)
