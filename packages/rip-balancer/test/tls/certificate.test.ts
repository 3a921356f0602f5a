import { expect, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { pairProblem } from '../../src/tls/certificate.ts'
import { pem } from './tls-backend.ts'

const text = (name: string): string => readFileSync(pem(name), 'utf8')
const own = text('backend.crt')
const issuer = text('authority.crt')

function problemOf(cert: string, key: string): string {
  let message = ''
  try {
    void Bun.serve({ port: 0, tls: { cert, key }, fetch: () => new Response() }).stop(true)
  } catch (error) {
    message = String(error)
  }
  return pairProblem({ certFile: 'chain.pem', keyFile: 'own.key', cert, key }, message)
}

test('a chain that does not begin with the certificate of the key says where that is', () => {
  expect(problemOf(issuer + own, text('backend.key'))).toBe(
    'the key own.key belongs to certificate 2 of chain.pem, which has to be the first, in front of its issuers',
  )
})

test('a key that belongs to none of the certificates is told so', () => {
  expect(problemOf(own + issuer, text('client.key'))).toBe(
    'the key own.key does not belong to the certificate chain.pem',
  )
})

test('a key that is protected by a passphrase is told so', () => {
  const format = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' } as const
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: format,
  })
  expect(problemOf(own, privateKey)).toBe(
    'the key own.key is protected by a passphrase; openssl pkey -in FILE -out FILE writes it without',
  )
})
