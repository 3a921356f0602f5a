import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TempFolder } from './servers.ts'

const PAGE = readFileSync(new URL('../../../docs/balancer-comparison.md', import.meta.url), 'utf8')
const CERTIFICATES = join(import.meta.dir, 'listener/certificates')

/** A task with the configurations of the page, by the language of their blocks. */
export interface Task {
  readonly name: string
  readonly blocks: ReadonlyMap<string, string>
}

/** The tasks of docs/balancer-comparison.md. */
export const tasks: readonly Task[] = PAGE.split('\n## ')
  .slice(1)
  .map((section) => ({
    name: section.slice(0, section.indexOf('\n')),
    blocks: new Map(
      [...section.matchAll(/```(\w+)\n([\s\S]*?)```/g)].map(([, language = '', text = '']) => [
        language,
        text,
      ]),
    ),
  }))

/** Puts a certificate and its key into a folder, apart and in one file. */
export function putCertificate(folder: TempFolder): void {
  const [cert, key] = ['crt', 'key'].map((ending) =>
    readFileSync(join(CERTIFICATES, `first.${ending}`), 'utf8'),
  )
  writeFileSync(folder.file('cert.pem'), cert!)
  writeFileSync(folder.file('key.pem'), key!)
  writeFileSync(folder.file('both.pem'), cert! + key!)
}
