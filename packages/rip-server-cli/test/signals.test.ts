import { expect, test } from 'bun:test'
import { handleSignals } from '../src/serve/signals.ts'

const nothing = (): void => {}

test('signals to stop within a moment are one request, a later one means now', async () => {
  const requests: boolean[] = []
  using _handlers = handleSignals(
    {
      stop: ({ now }) => requests.push(now),
      reload: nothing,
      restart: nothing,
      handOver: nothing,
      scaleBy: nothing,
    },
    'production',
  )
  process.emit('SIGINT')
  process.emit('SIGINT')
  process.emit('SIGTERM')
  expect(requests).toEqual([false])
  await Bun.sleep(260)
  process.emit('SIGINT')
  expect(requests).toEqual([false, true])
})
