import { expect, test } from 'bun:test'
import { fileURLToPath } from 'node:url'

const module = fileURLToPath(new URL('../src/program/supervisor-pipe.ts', import.meta.url))
const program = `
  import { SupervisorPipe } from ${JSON.stringify(module)}
  const pipe = await SupervisorPipe.open()
  if (pipe === undefined) process.exit(console.log('none') ?? 0)
  console.log(await pipe.line())
  await pipe.end()
  process.exit(console.log('end') ?? 0)`

/** The program's output with this standard input from a shell. */
async function said(command: string): Promise<string> {
  const child = Bun.spawn(['sh', '-c', command, process.execPath, program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return await new Response(child.stdout).text()
}

test('the socket that Bun.spawn makes', async () => {
  const child = Bun.spawn([process.execPath, '-e', program], { stdio: ['pipe', 'pipe', 'inherit'] })
  await child.stdin.write('{"a":1}\nmore')
  await child.stdin.end()
  expect(await new Response(child.stdout).text()).toBe('{"a":1}\nend\n')
})

test('a pipe as shells create it', async () => {
  expect(await said(`{ printf '{"a'; sleep 0.05; printf '":1}\\n'; } | "$0" -e "$1"`)).toBe('{"a":1}\nend\n')
})

test('a pipe that ends within the line', async () => {
  expect(await said(`printf '{"a' | "$0" -e "$1"`)).toBe('undefined\nend\n')
})

test.each([
  ['a device', '</dev/null'],
  ['a file', '</etc/passwd'],
  ['nothing', '<&-'],
])('%s is left alone', async (_, redirection) => {
  expect(await said(`exec "$0" -e "$1" ${redirection}`)).toBe('none\n')
})
