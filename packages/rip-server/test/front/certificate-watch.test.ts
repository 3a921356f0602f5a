import { expect, test } from 'bun:test'
import type { ServedCertificate } from '@rip/manager'
import { type CertificateEvents, CertificateWatch } from '../../src/front/certificate-watch.ts'

const DAY_MS = 86_400_000
const expiresAtMs = Date.parse('2027-03-01T12:00:00Z')
const served = { file: 'shop.pem', names: ['shop.test'], validFromMs: 0, expiresAtMs, problem: null }

/** Events as lines. */
function events(): { readonly told: string[]; readonly tell: CertificateEvents } {
  const told: string[] = []
  return {
    told,
    tell: {
      expires: (message) => void told.push(message),
      refused: (file, reason) => void told.push(`${file} refused: ${reason}`),
      replaced: (file, atMs) => void told.push(`${file} replaced: ${new Date(atMs).toISOString()}`),
    },
  }
}

test('a warning comes 30, 7 and 1 days before a certificate expires, and when it has, once each', async () => {
  const { told, tell } = events()
  using watch = new CertificateWatch({ read: async () => [served], tell })
  for (let day = 40; day >= -5; day--) await watch.look(expiresAtMs - day * DAY_MS)
  expect(told).toEqual([
    'the certificate shop.pem expires in 30 days, on 2027-03-01: renew it',
    'the certificate shop.pem expires in 7 days, on 2027-03-01: renew it',
    'the certificate shop.pem expires in 1 day, on 2027-03-01: renew it',
    'the certificate shop.pem expired on 2027-03-01: renew it',
  ])
})

test('a renewed certificate is told, and gets warnings of its own', async () => {
  const { told, tell } = events()
  let current = served
  using watch = new CertificateWatch({ read: async () => [current], tell })
  await watch.look(expiresAtMs - DAY_MS)
  current = { ...served, expiresAtMs: expiresAtMs + DAY_MS }
  await watch.look(expiresAtMs)
  expect(told).toEqual([
    'the certificate shop.pem expires in 1 day, on 2027-03-01: renew it',
    'shop.pem replaced: 2027-03-02T12:00:00.000Z',
    'the certificate shop.pem expires in 1 day, on 2027-03-02: renew it',
  ])
})

test('a file that is not used is told once for each reason, and not in the middle of a renewal', async () => {
  const { told, tell } = events()
  let current: ServedCertificate = served
  using watch = new CertificateWatch({ read: async () => [current], tell })
  const look = async (problem: string | null): Promise<void> => {
    current = { ...served, problem }
    await watch.look(0)
  }
  const expired = 'shop.pem: it expired'
  for (const problem of [null, 'half', null, 'no key', 'no key', 'no key', expired, expired])
    await look(problem)
  expect(told).toEqual(['shop.pem refused: no key', 'shop.pem refused: it expired'])
  for (const problem of [null, expired, expired]) await look(problem)
  expect(told.splice(2)).toEqual([
    'shop.pem replaced: 2027-03-01T12:00:00.000Z',
    'shop.pem refused: it expired',
  ])
})

test('nothing is told by a watch that was closed while it looked', async () => {
  const { told, tell } = events()
  const { promise, resolve } = Promise.withResolvers<readonly ServedCertificate[]>()
  const watch = new CertificateWatch({ read: () => promise, tell })
  const looked = watch.look(expiresAtMs)
  watch[Symbol.dispose]()
  resolve([served])
  await looked
  expect(told).toEqual([])
})
