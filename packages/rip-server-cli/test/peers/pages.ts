/**
 * Gives the configurations in the documents to the programs they are for: units to systemd, the others to nginx and
 * Caddy. Unlike the tests it needs these programs, and is run by `.ci/run`: `bun run peers`.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Block, readPage, titleOf } from '../docs/page.ts'

setDefaultTimeout(20_000)

const PAGES = [
  'deploying',
  'environment-and-secrets',
  'several-applications',
  'coming-from',
  'balancer-operation',
]
const blocks = PAGES.flatMap((name) => readPage(`docs/${name}.md`).blocks)
const CERTIFICATE = fileURLToPath(
  new URL('../../../rip-balancer/test/tls/certificates/backend', import.meta.url),
)

let folder: string

beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'rip-peers-'))))
afterAll(() => rmSync(folder, { recursive: true }))

async function accepts(program: string, ...args: readonly string[]): Promise<void> {
  const path = Bun.which(program, { PATH: `${process.env['PATH']}:/usr/sbin` })
  if (path === null) throw new Error(`${program} is not installed; .ci/run names the Debian packages`)
  const child = Bun.spawn([path, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder },
  })
  const said = (await new Response(child.stdout).text()) + (await new Response(child.stderr).text())
  expect([await child.exited, said]).toEqual([0, said])
  // systemd only warns of keys that it does not know; it also reads the units of this machine.
  const warnings = said.split('\n').filter((line) => line !== '' && !/^(?:\/usr)?\/lib\//.test(line))
  if (program === 'systemd-analyze') expect(warnings).toEqual([])
}

const put = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

/** The units of a block, each behind a comment with its path. */
function units({ text }: Block): readonly (readonly [name: string, content: string])[] {
  const parts = text.split(/^# \/etc\/systemd\/system\/([\w.@-]+)\n/m).slice(1)
  return parts.flatMap((name, at) => (at % 2 === 0 ? [[name, parts[at + 1]!] as const] : []))
}

/** Our programs, and the users, are not on the machine that runs the tests. */
const onThisMachine = (text: string): string =>
  text
    .replace(/\/usr\/local\/bin\/rip-(?:server|balancer)/g, '/bin/true')
    .replace(/^(?:User|ReadWritePaths)=.*\n/gm, '')

describe('systemd accepts the units of', () => {
  for (const block of blocks.filter(({ language }) => language === 'ini')) {
    const written = units(block)
    if (written.length === 0) continue
    test(titleOf(block), async () => {
      const all = written.map(([name, text]) => put(name, onThisMachine(text)))
      // A socket alone needs the service that it starts.
      for (const [name, text] of written.filter(([each]) => each.endsWith('.socket'))) {
        const service = /^Service=(\S+)/m.exec(text)?.[1] ?? name.replace('.socket', '.service')
        if (!written.some(([each]) => each === service)) put(service, '[Service]\nExecStart=/bin/true\n')
      }
      await accepts('systemd-analyze', 'verify', ...all.map((path) => path.replace('@.', '@shop.')))
    })
  }
})

const temporary = (): string =>
  ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(' ')

describe('nginx accepts', () => {
  for (const block of blocks.filter(({ language }) => language === 'nginx'))
    test(titleOf(block), async () => {
      const text = block.text
        .replaceAll('/etc/ssl/shop/shop.pem', `${CERTIFICATE}.crt`)
        .replaceAll('/etc/ssl/shop/shop.key', `${CERTIFICATE}.key`)
      const around = `pid ${folder}/pid; error_log stderr; events { } http { access_log off; ${temporary()}\n`
      await accepts('nginx', '-t', '-p', folder, '-c', put('nginx.conf', `${around}${text}}`))
    })
})

describe('Caddy accepts', () => {
  for (const block of blocks.filter(({ language }) => language === 'caddyfile'))
    test(titleOf(block), async () => {
      const text = block.text
        .replaceAll('/etc/ssl/shop/shop.pem', `${CERTIFICATE}.crt`)
        .replaceAll('/etc/ssl/shop/shop.key', `${CERTIFICATE}.key`)
      await accepts('caddy', 'validate', '--adapter', 'caddyfile', '--config', put('Caddyfile', text))
    })
})
