import { expect, test } from 'bun:test'
import { dns, type ResolvedName } from '../../src/index.ts'

const quick = { minTtlMs: 1, maxTtlMs: 5 }

test('yields a new list when the addresses of a name change, and not otherwise', async () => {
  const answers: ResolvedName[][] = [
    [{ address: '10.0.0.1', ttlMs: 1 }],
    [{ address: '10.0.0.1', ttlMs: 1 }],
    [
      { address: '10.0.0.2', ttlMs: 1 },
      { address: '10.0.0.1', ttlMs: 1 },
    ],
    [{ address: '2001:db8::1', ttlMs: 1 }],
  ]
  const asked: string[] = []
  const resolve = async (host: string): Promise<ResolvedName[]> => {
    asked.push(host)
    return answers[Math.min(asked.length, answers.length) - 1]!
  }
  const lists: string[][] = []
  for await (const list of dns('app.internal:3000', { ...quick, resolve })) {
    lists.push(list.map(({ address }) => address))
    if (lists.length === 3) break
  }
  expect(lists).toEqual([['10.0.0.1:3000'], ['10.0.0.1:3000', '10.0.0.2:3000'], ['[2001:db8::1]:3000']])
  expect(asked).toEqual(Array.from({ length: 4 }, () => 'app.internal'))
})

test('keeps the last addresses while a name cannot be resolved', async () => {
  let asked = 0
  const resolve = async (): Promise<ResolvedName[]> => {
    asked++
    if (asked === 2 || asked === 3) throw new Error('SERVFAIL')
    return [{ address: asked === 1 ? '10.0.0.1' : '10.0.0.9', ttlMs: 1 }]
  }
  const lists: string[] = []
  for await (const list of dns('app.internal:80', { ...quick, resolve })) {
    lists.push(list[0]!.address)
    if (lists.length === 2) break
  }
  expect(lists).toEqual(['10.0.0.1:80', '10.0.0.9:80'])
})

test('ends when its signal aborts', async () => {
  const stop = new AbortController()
  const resolve = async (): Promise<ResolvedName[]> => [{ address: '10.0.0.1', ttlMs: 60_000 }]
  for await (const _list of dns('app.internal:80', { resolve, signal: stop.signal })) stop.abort()
  expect(stop.signal.aborted).toBe(true)
})

test('requires a host and a port', async () => {
  expect(dns('unix:/run/a.sock').next()).rejects.toThrow('dns: expected host:port, got "unix:/run/a.sock"')
})

test('names the certificate expected at the addresses of a secure name', async () => {
  const resolve = async (): Promise<ResolvedName[]> => [{ address: '10.0.0.1', ttlMs: 1 }]
  const { value } = await dns('https://app.internal', { resolve }).next()
  expect(value).toEqual([{ address: 'https://10.0.0.1:443', tls: { serverName: 'app.internal' } }])
})
