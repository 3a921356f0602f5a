import { describe, expect, test } from 'bun:test'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readCertificate, refusalToReplace } from '../../src/tls/certificate.ts'
import { FileTlsSource } from '../../src/tls/file-tls-source.ts'
import { eventually } from '../exchange/data-plane.ts'

const CERTIFICATES = join(import.meta.dir, 'certificates')
const pem = (name: string): string => readFileSync(join(CERTIFICATES, `${name}.crt`), 'utf8')

/** Certificate and key in their own folder, and the messages about them. */
class Installed implements Disposable {
  readonly said: string[] = []
  readonly source: FileTlsSource
  private readonly folder = mkdtempSync(join(tmpdir(), 'tls-'))

  constructor(name: string) {
    this.install(name, name)
    this.source = new FileTlsSource({ ...this.files, tell: (message) => this.said.push(message) })
  }

  get files(): { certFile: string; keyFile: string } {
    return { certFile: join(this.folder, 'tls.crt'), keyFile: join(this.folder, 'tls.key') }
  }

  get serves(): string {
    return this.source.current().cert
  }

  install(certificate: string, key: string): void {
    copyFileSync(join(CERTIFICATES, `${certificate}.crt`), this.files.certFile)
    copyFileSync(join(CERTIFICATES, `${key}.key`), this.files.keyFile)
  }

  [Symbol.dispose](): void {
    this.source[Symbol.dispose]()
    rmSync(this.folder, { recursive: true })
  }
}

describe('a certificate that replaces a valid one', () => {
  test.each([
    ['has expired', 'expired', 'expired', /: it expired on 2025-01-01$/],
    [
      'is for other hosts',
      'elsewhere',
      'elsewhere',
      /: it is for .*, and for none of backend\.test, localhost, 127\.0\.0\.1$/,
    ],
    [
      'has another key',
      'client',
      'backend',
      /the key .*tls\.key does not belong to the certificate .*tls\.crt$/,
    ],
  ])(
    'and %s is refused with one message, and the next valid one is reported',
    async (_what, certificate, key, reason) => {
      using installed = new Installed('backend')
      installed.install(certificate, key)
      await eventually(() => installed.said.length > 0)
      expect(installed.said[0]).toStartWith('certificate not replaced, still serving the previous one: ')
      expect(installed.said[0]).toMatch(reason)
      expect(installed.serves).toBe(pem('backend'))
      installed.install('selfsigned', 'selfsigned')
      await eventually(() => installed.serves === pem('selfsigned'))
      expect(installed.said).toEqual([
        expect.anything(),
        expect.stringMatching(
          /^certificate replaced: .*tls\.crt, for backend\.test, 127\.0\.0\.1, until \d{4}-/,
        ),
      ])
    },
  )

  test('and is not valid yet is refused until it is', () => {
    const [current, next] = [readCertificate(pem('backend')), readCertificate(pem('selfsigned'))]
    const laterMs = next.validFromMs + 86_400_000
    const future = { ...next, validFromMs: laterMs }
    expect(refusalToReplace(current, future, laterMs - 1)).toBe(
      `it is valid from ${new Date(laterMs).toISOString()} on`,
    )
    expect(refusalToReplace(current, future, laterMs)).toBeUndefined()
  })

  test('and covers the same hosts by a wildcard, or one that a wildcard covered, is accepted', () => {
    const of = (...names: string[]) => ({ ...readCertificate(pem('backend')), names })
    const nowMs = of().validFromMs
    const may = (current: string, next: string): boolean =>
      refusalToReplace(of(current), of(next), nowMs) === undefined
    expect([may('www.shop.test', '*.shop.test'), may('*.shop.test', 'www.shop.test')]).toEqual([true, true])
    expect([may('a.www.shop.test', '*.shop.test'), may('shop.test', '*.shop.test')]).toEqual([false, false])
  })

  test('through a changed configuration is refused as well', () => {
    using installed = new Installed('expired')
    const replaces = readCertificate(pem('backend'))
    expect(() => new FileTlsSource({ ...installed.files, replaces })).toThrow('it expired on 2025-01-01')
  })
})

test('any certificate may replace one that has expired', async () => {
  using installed = new Installed('expired')
  installed.install('elsewhere', 'elsewhere')
  await eventually(() => installed.serves === pem('elsewhere'))
})

test('half of a renewal causes no message', async () => {
  using installed = new Installed('backend')
  installed.install('selfsigned', 'backend')
  await eventually(() => installed.source.problem !== undefined)
  installed.install('selfsigned', 'selfsigned')
  await eventually(() => installed.serves === pem('selfsigned'))
  expect(installed.said).toEqual([expect.stringContaining('certificate replaced')])
})

test('files that are empty, as at the beginning of a renewal, are told in the words of people', async () => {
  using installed = new Installed('backend')
  const { certFile, keyFile } = installed.files
  writeFileSync(certFile, '')
  await eventually(() => installed.said.length > 0)
  expect(installed.said).toEqual([
    `certificate not replaced, still serving the previous one: there is no certificate in ${certFile}`,
  ])
  installed.install('backend', 'backend')
  writeFileSync(keyFile, pem('backend'))
  expect(() => new FileTlsSource({ certFile, keyFile })).toThrow(`there is no key in ${keyFile}`)
})
