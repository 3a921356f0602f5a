/**
 * Checks that nginx, HAProxy and Caddy accept their configurations in docs/balancer-comparison.md. Unlike the tests it
 * needs these programs, and is run by `.ci/run`: `bun run peers`.
 */
import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { putCertificate, tasks } from '../comparison-page.ts'
import { TempFolder } from '../servers.ts'

setDefaultTimeout(20_000)

/** Commands that check whether a configuration of the page is valid. */
const CHECKS: Readonly<Record<string, (file: string, folder: TempFolder) => readonly string[]>> = {
  nginx: (file, folder) => ['nginx', '-t', '-p', folder.path, '-c', file],
  haproxy: (file) => ['haproxy', '-c', '-f', file],
  caddyfile: (file) => ['caddy', 'validate', '--adapter', 'caddyfile', '--config', file],
}

/** Completes a block of the page to a whole configuration file. */
function wholeFile(language: string, text: string, folder: TempFolder): string {
  const inFolder = text.replaceAll('/etc/ssl/shop', folder.path).replaceAll('/run/', `${folder.path}/`)
  if (language !== 'nginx') return inFolder
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder.path}/${name};`)
    .join(' ')
  return `pid ${folder.path}/pid; error_log stderr; events { } http { access_log off; ${temporary}\n${inFolder}}`
}

for (const [language, command] of Object.entries(CHECKS)) {
  describe(`${language} accepts what the page says:`, () => {
    for (const { name, blocks } of tasks) {
      const text = blocks.get(language)
      if (text === undefined) continue
      test(name, async () => {
        using folder = new TempFolder()
        putCertificate(folder)
        const file = folder.file('checked')
        writeFileSync(file, wholeFile(language, text, folder))
        const [program = '', ...args] = command(file, folder)
        const path = Bun.which(program, { PATH: `${process.env['PATH']}:/usr/sbin` })
        if (path === null) throw new Error(`${program} is not installed; .ci/run names the Debian packages`)
        const child = Bun.spawn([path, ...args], {
          stdout: 'pipe',
          stderr: 'pipe',
          env: { ...process.env, HOME: folder.path, XDG_DATA_HOME: folder.path },
        })
        const said = (await new Response(child.stdout).text()) + (await new Response(child.stderr).text())
        expect([await child.exited, said]).toEqual([0, said])
      })
    }
  })
}
