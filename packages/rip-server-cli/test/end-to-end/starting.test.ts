import { expect, setDefaultTimeout, test } from 'bun:test'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { PROGRAM, Sandbox, until } from '../server.ts'
import { Shell } from '../shell.ts'
import { CLIENTS } from './subscriber.ts'

setDefaultTimeout(60_000)

test('init in a folder that was deleted says so', async () => {
  await using sandbox = await Sandbox.create()
  const here = join(sandbox.folder, 'here')
  await mkdir(here)
  const child = Bun.spawn(['sh', '-c', `rmdir ${here} && exec ${PROGRAM} init`], {
    cwd: here,
    env: sandbox.env(),
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const said = await new Response(child.stderr).text()
  expect([await child.exited, said]).toEqual([
    2,
    expect.stringContaining('the current folder has been deleted'),
  ])
})

test('Ctrl-C at the question for a starter ends dev by that signal, and nothing is written', async () => {
  await using sandbox = await Sandbox.create()
  const shop = join(sandbox.folder, 'shop')
  await mkdir(shop)
  await using shell = new Shell(sandbox, 'bash', '-c', `${PROGRAM} dev shop --port 0; echo "ended with $?"`)
  await until('it asks', () => shell.screen.includes('[plain] '))
  shell.type('\u0003')
  await until('it has ended', () => shell.screen.includes('ended with 130'))
  expect(await readdir(shop)).toEqual([])
})

test('dev in an empty folder asks for a starter, and serves the chat, in which all workers hear each other', async () => {
  await using sandbox = await Sandbox.create()
  await mkdir(join(sandbox.folder, 'shop'))
  await using shell = new Shell(sandbox, PROGRAM, 'dev', 'shop', '--port', '0')
  await until('it asks', () => shell.screen.includes('[plain] '))
  shell.type('chat\r')
  await shell.served()
  expect(await readdir(join(sandbox.folder, 'shop'))).toContain('app.rip')
  const heard = new Map<number, string[]>()
  const sockets = Array.from({ length: CLIENTS }, (_, n) => {
    const socket = new WebSocket(`${shell.url.replace('http', 'ws')}/chat?name=v${n}`)
    socket.addEventListener('message', ({ data }) => heard.get(n)?.push(String(data)))
    heard.set(n, [])
    return socket
  })
  await until('all are there', () => [...heard.values()].every((lines) => lines.length > 0))
  sockets[0]!.send('hello')
  await until('all hear it', () => [...heard.values()].every((lines) => lines.includes('v0: hello')))
  for (const socket of sockets) socket.close()
})
