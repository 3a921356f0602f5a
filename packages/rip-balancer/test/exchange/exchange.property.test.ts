import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { ClientConnection } from '../../src/listener/client-connection.ts'
import { NO_KEEPER } from './no-keeper.ts'
import { bytesOf, Play, settingsWith, stepsOf, type PlayedClient } from './play.ts'

const FROM_CLIENT = [
  'GET / HTTP/1.1\r\nHost: h\r\n\r\n',
  'HEAD / HTTP/1.0\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n',
  'PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n',
  'PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 20000\r\n\r\n',
  'GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  '5\r\nhello\r\n',
  '0\r\n\r\n',
  'hello',
  'x'.repeat(2_000),
] as const

const CLIENT: PlayedClient = {
  connect(socket, plane) {
    return new ClientConnection(socket, plane, NO_KEEPER, { address: '127.0.0.1', port: 4711 }, false)
  },
  bytes: (choice) => bytesOf(FROM_CLIENT, choice),
}

test('property: with events in any order, each exchange is recorded once and leaves nothing behind', () => {
  const steps = stepsOf(new Play(settingsWith('answer'), CLIENT))
  const step = fc.tuple(steps, fc.nat({ max: 24 }))
  const halfCloses = fc.constantFrom('answer' as const, 'tell' as const, 'abort' as const)
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), halfCloses, (list, halfClose) => {
      const play = new Play(settingsWith(halfClose), CLIENT)
      for (const [name, choice] of list) {
        play.play(name, choice)
        expect(play.inFlight + play.held).toBeWithin(0, 2)
        expect(play.started - play.ended).toBeWithin(0, 2)
      }
      play.play('the client leaves', 0)
      expect([play.started - play.ended, play.inFlight, play.held, play.queued]).toEqual([0, 0, 0, 0])
    }),
    { numRuns: 1_000 },
  )
}, 30_000)
