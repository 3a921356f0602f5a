import { expect, test } from 'bun:test'
import { createSecureContext } from 'node:tls'
import { isSameProof, newNonce, proofOf, type Greeting } from '../../src/bus/proof.ts'

const greeting: Greeting = { listener: 1, dialler: 2, listenerNonce: newNonce(), diallerNonce: newNonce() }
const proof = proofOf('dialler', 'secret', greeting)

test('a proof holds for its side, key, processes and nonces, and for no other', () => {
  expect(isSameProof(proof, proofOf('dialler', 'secret', greeting))).toBeTrue()
  const others = [
    proofOf('listener', 'secret', greeting),
    proofOf('dialler', 'guessed', greeting),
    proofOf('dialler', 'secret', { ...greeting, listener: 3 }),
    proofOf('dialler', 'secret', { ...greeting, diallerNonce: newNonce() }),
  ]
  for (const other of others) expect(isSameProof(proof, other)).toBeFalse()
})

test('it is made although the application could not read a certificate', () => {
  expect(() => createSecureContext({ cert: 'not one', key: 'neither' })).toThrow()
  expect(isSameProof(proof, proofOf('dialler', 'secret', greeting))).toBeTrue()
})
