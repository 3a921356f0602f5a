import { readFileSync, statSync } from 'node:fs'
import {
  type CertificateFacts,
  type CertificatePair,
  dayOf,
  invalidSuccessor,
  pairProblem,
  readCertificate,
  refusalToReplace,
  unreadable,
} from './certificate.ts'
import { KeptPair } from './kept-pair.ts'
import type { TlsMaterial, TlsSource } from './tls-source.ts'

/** How often the files are looked at. */
const CHECK_MS = 1_000

export interface FileTlsSourceOptions {
  readonly certFile: string
  readonly keyFile: string
  /**
   * File for a copy of what serves: where that is there and the files cannot be used at the start, or must not take its place,
   * it serves. @default none
   */
  readonly keptFile?: string | undefined
  /** What serves where this one will: if that is valid, this one has to be, too. */
  readonly replaces?: CertificateFacts | undefined
  /** Told, a sentence each, that changed files are not used and why, and that they are. */
  readonly tell?: (message: string) => void
}

interface LoadedPair {
  readonly material: TlsMaterial
  readonly facts: CertificateFacts
}

/**
 * Certificate and key from PEM files. When they change, the new pair is checked and handed on. One that does not fit
 * together, as in the middle of a renewal, or that must not take the place of the one that serves, is left alone until it
 * does: it is looked at again and again, as it may become valid.
 */
export class FileTlsSource implements TlsSource, Disposable {
  /** The certificate that serves. */
  facts: CertificateFacts
  private readonly options: FileTlsSourceOptions
  private readonly kept: KeptPair | undefined
  private material: TlsMaterial
  private stamp: string | undefined
  /**
   * Why the files are not used, and whether that was reported: not at first, because it may be the middle of a renewal.
   */
  private refused: { readonly reason: string; readonly told: boolean } | undefined
  private readonly listeners = new Set<() => void>()
  private readonly timer: ReturnType<typeof setInterval>

  /** @throws when the files cannot be read, do not fit together or must not replace what serves */
  constructor(options: FileTlsSourceOptions) {
    this.options = options
    this.kept = options.keptFile === undefined ? undefined : new KeptPair(options.keptFile)
    const { material, facts } = this.first()
    this.material = material
    this.facts = facts
    this.timer = setInterval(() => this.check(), CHECK_MS)
    this.timer.unref()
  }

  current(): TlsMaterial {
    return this.material
  }

  /** Why the files, as they are, are not used; `undefined` when they are. */
  get problem(): string | undefined {
    return this.refused?.reason
  }

  subscribe(changed: () => void): () => void {
    this.listeners.add(changed)
    return () => this.listeners.delete(changed)
  }

  [Symbol.dispose](): void {
    clearInterval(this.timer)
    this.listeners.clear()
  }

  /** @throws when the files cannot be used and nothing was kept */
  private first(): LoadedPair {
    const { replaces } = this.options
    const kept = replaces === undefined ? this.readKept() : undefined
    try {
      this.stamp = this.readStamp()
      // Other files may be meant for other hosts.
      const loaded = this.load(replaces ?? kept?.facts, invalidSuccessor)
      this.kept?.write(loaded.material)
      return loaded
    } catch (error) {
      if (kept === undefined) throw error
      this.tellRefused((error as Error).message)
      return kept
    }
  }

  private readKept(): LoadedPair | undefined {
    const material = this.kept?.read()
    if (material === undefined) return undefined
    const { certFile, keyFile } = this.options
    try {
      return { material, facts: factsOf({ certFile, keyFile, ...material }) }
    } catch {
      return undefined
    }
  }

  private check(): void {
    try {
      const stamp = this.readStamp()
      if (stamp === this.stamp && this.refused === undefined) return
      this.stamp = stamp
      const { material, facts } = this.load(this.facts, refusalToReplace)
      this.replace(material, facts)
    } catch (error) {
      this.refuse((error as Error).message)
    }
  }

  private replace(material: TlsMaterial, facts: CertificateFacts): void {
    this.refused = undefined
    if (material.cert === this.material.cert && material.key === this.material.key) return
    this.material = material
    this.facts = facts
    this.kept?.write(material)
    for (const changed of this.listeners) changed()
    this.options.tell?.(
      `certificate replaced: ${this.options.certFile}, for ${facts.names.join(', ') || 'no host'}, until ${dayOf(facts.expiresAtMs)}`,
    )
  }

  private refuse(reason: string): void {
    if (this.refused?.reason !== reason) {
      this.refused = { reason, told: false }
      return
    }
    if (!this.refused.told) this.tellRefused(reason)
  }

  private tellRefused(reason: string): void {
    this.refused = { reason, told: true }
    this.options.tell?.(`certificate not replaced, still serving the previous one: ${reason}`)
  }

  private readStamp(): string {
    const { certFile, keyFile } = this.options
    return [certFile, keyFile].map((file) => stampOf(file)).join(' ')
  }

  private load(replaces: CertificateFacts | undefined, refusalOf: typeof refusalToReplace): LoadedPair {
    const { certFile, keyFile } = this.options
    const [cert, key] = [readPem(certFile), readPem(keyFile)]
    const facts = factsOf({ certFile, keyFile, cert, key })
    const refusal = replaces && refusalOf(replaces, facts, Date.now())
    if (refusal !== undefined) throw new Error(`${certFile}: ${refusal}`)
    return { material: { cert, key }, facts }
  }
}

function stampOf(file: string): string {
  // Of what a link leads to, which is what changes where certbot renews.
  const { mtimeMs, size, ino } = inWords(file, () => statSync(file))
  return `${mtimeMs}:${size}:${ino}`
}

const readPem = (file: string): string => inWords(file, () => readFileSync(file, 'utf8'))

/** @throws what keeps the file from being read, in the words of people */
function inWords<T>(file: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new Error(unreadable(file, error as NodeJS.ErrnoException), { cause: error })
  }
}

/** @throws when the two cannot be used together */
function factsOf(pair: CertificatePair): CertificateFacts {
  try {
    process.getBuiltinModule('node:tls').createSecureContext({ cert: pair.cert, key: pair.key })
    return readCertificate(pair.cert)
  } catch (error) {
    throw new Error(pairProblem(pair, (error as Error).message), { cause: error })
  }
}
