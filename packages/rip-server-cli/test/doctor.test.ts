import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { PROGRAM, Sandbox } from './server.ts'

async function runDirectories(env: Readonly<Record<string, string>>): Promise<string> {
  const child = Bun.spawn([PROGRAM, 'doctor', '--json'], { env, stdout: 'pipe', stderr: 'inherit' })
  const findings = (await new Response(child.stdout).json()) as { name: string; value: string }[]
  return findings.find(({ name }) => name === 'run directories')?.value ?? ''
}

test('doctor names the folder of the run directories', async () => {
  await using sandbox = await Sandbox.create()
  expect(await runDirectories(sandbox.env())).toBe(join(sandbox.runDirs, 'rip-server'))
})

test('doctor says when XDG_RUNTIME_DIR is passed over', async () => {
  await using sandbox = await Sandbox.create()
  const env = {
    ...sandbox.env(),
    XDG_RUNTIME_DIR: `/run/${'x'.repeat(60)}`,
    RUNTIME_DIRECTORY: sandbox.folder,
  }
  const { folder } = sandbox
  expect(await runDirectories(env)).toBe(`${folder} (the path of XDG_RUNTIME_DIR is too long for sockets)`)
})

test('doctor says how much memory and space there is', async () => {
  await using sandbox = await Sandbox.create()
  const child = Bun.spawn([PROGRAM, 'doctor', '--json'], {
    env: sandbox.env(),
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const findings = (await new Response(child.stdout).json()) as { name: string; value: string }[]
  const valueOf = (wanted: string): string => findings.find(({ name }) => name === wanted)?.value ?? ''
  expect(valueOf('memory')).toMatch(/^[\d.]+ [KMG]iB available/)
  expect(valueOf('space for run directories')).toMatch(/^[\d.]+ [KMG]iB free in \//)
  expect(valueOf('space for temporary files')).toMatch(/^[\d.]+ [KMG]iB free in \//)
})
