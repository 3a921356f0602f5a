import { expect, test } from 'bun:test'
import { CertificateWatch } from '../../src/front/certificate-watch.ts'

const DAY_MS = 86_400_000
const expiresAtMs = Date.parse('2027-03-01T12:00:00Z')
const served = { file: 'shop.pem', names: ['shop.test'], validFromMs: 0, expiresAtMs, problem: null }

test('a warning comes 30, 7 and 1 days before a certificate expires, and when it has, once each', async () => {
  const told: string[] = []
  using watch = new CertificateWatch({ read: async () => [served], tell: (message) => told.push(message) })
  for (let day = 40; day >= -5; day--) await watch.look(expiresAtMs - day * DAY_MS)
  expect(told).toEqual([
    'the certificate shop.pem expires in 30 days, on 2027-03-01: renew it',
    'the certificate shop.pem expires in 7 days, on 2027-03-01: renew it',
    'the certificate shop.pem expires in 1 day, on 2027-03-01: renew it',
    'the certificate shop.pem expired on 2027-03-01: renew it',
  ])
})

test('a renewed certificate gets warnings of its own', async () => {
  const told: string[] = []
  let current = served
  using watch = new CertificateWatch({ read: async () => [current], tell: (message) => told.push(message) })
  await watch.look(expiresAtMs - DAY_MS)
  current = { ...served, expiresAtMs: expiresAtMs + DAY_MS }
  await watch.look(expiresAtMs)
  expect(told).toHaveLength(2)
})
