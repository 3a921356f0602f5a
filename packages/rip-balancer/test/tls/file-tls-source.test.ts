import { describe, expect, test } from 'bun:test'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
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

test('files that cannot be read are told in the words of people', () => {
  using installed = new Installed('backend')
  const { certFile, keyFile } = installed.files
  rmSync(certFile)
  expect(() => new FileTlsSource({ certFile, keyFile })).toThrow(`${certFile}: there is no such file`)
  mkdirSync(certFile)
  expect(() => new FileTlsSource({ certFile, keyFile })).toThrow(`${certFile} is a folder`)
})

describe('a copy of what serves', () => {
  /** What a balancer that is started now would serve. */
  function startedAnew(installed: Installed, keptFile: string): FileTlsSource {
    return new FileTlsSource({
      ...installed.files,
      keptFile,
      tell: (message) => installed.said.push(message),
    })
  }

  test('serves at a start while the files cannot be used, and gives way to the next valid ones', async () => {
    using installed = new Installed('backend')
    const { certFile } = installed.files
    const keptFile = `${certFile}.kept`
    startedAnew(installed, keptFile)[Symbol.dispose]()
    expect(statSync(keptFile).mode & 0o777).toBe(0o600)
    writeFileSync(certFile, 'spoilt')
    using source = startedAnew(installed, keptFile)
    expect(source.current().cert).toBe(pem('backend'))
    expect(source.facts.names).toContain('backend.test')
    const reason = `there is no certificate in ${certFile}`
    expect(source.problem).toBe(reason)
    expect(installed.said).toContain(`certificate not replaced, still serving the previous one: ${reason}`)
    installed.install('selfsigned', 'selfsigned')
    await eventually(() => source.current().cert === pem('selfsigned'))
    expect(source.problem).toBeUndefined()
    rmSync(certFile)
    using next = startedAnew(installed, keptFile)
    expect(next.current().cert).toBe(pem('selfsigned'))
    expect(next.problem).toBe(`${certFile}: there is no such file`)
  })

  test('is not replaced by a certificate that has expired, at a start either', () => {
    using installed = new Installed('backend')
    const keptFile = `${installed.files.certFile}.kept`
    startedAnew(installed, keptFile)[Symbol.dispose]()
    installed.install('expired', 'expired')
    using source = startedAnew(installed, keptFile)
    expect(source.current().cert).toBe(pem('backend'))
    expect(source.problem).toContain('it expired on 2025-01-01')
  })

  test('that is missing, spoilt or cannot be made changes nothing', () => {
    using installed = new Installed('backend')
    const { certFile } = installed.files
    const keptFile = `${certFile}.kept`
    writeFileSync(keptFile, '{ "cert": "x", "key": "y" }')
    startedAnew(installed, keptFile)[Symbol.dispose]()
    startedAnew(installed, join(certFile, 'kept'))[Symbol.dispose]()
    writeFileSync(keptFile, '{')
    writeFileSync(certFile, 'spoilt')
    expect(() => startedAnew(installed, keptFile)).toThrow('there is no certificate')
    expect(() => startedAnew(installed, join(certFile, 'kept'))).toThrow('there is no certificate')
  })
})
