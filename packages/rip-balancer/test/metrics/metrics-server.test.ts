import { expect, setDefaultTimeout, test } from 'bun:test'
import { until } from '@rip/testing'
import { Program } from '../cli/program.ts'
import { balance, createBalancer } from '../../src/index.ts'
import { TempFolder, named } from '../servers.ts'

// Programs take long to start on a busy machine.
setDefaultTimeout(20_000)

const ANY_PORT = '127.0.0.1:0'

test('metrics are served on the address asked for, and nowhere else', async () => {
  using folder = new TempFolder()
  await using a = named(folder, 'a')
  await using balancer = await balance({ listen: ANY_PORT, to: a.address, metrics: ANY_PORT })
  const url = balancer.metricsUrl!
  const answer = await fetch(url)
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(await answer.text()).toContain('rip_backend_up{pool="app",backend=')
  expect((await fetch(new URL('/status', url))).status).toBe(404)
  expect((await fetch(url, { method: 'DELETE' })).status).toBe(405)
  // The answer of the backend, as for every path on the public listener.
  expect(await (await fetch(`${balancer.url}/metrics`)).text()).toBe('a')
})

test('the metrics of several processes are served by their parent, as sums', async () => {
  using folder = new TempFolder()
  await using a = named(folder, 'a')
  const args = ['--listen', ANY_PORT, '--to', a.address, '--processes', '2', '--metrics', ANY_PORT]
  await using program = new Program(...args)
  await until('it says where the metrics are', () => program.out.includes('\nmetrics '))
  const url = await program.url()
  for (let n = 0; n < 20; n++) await (await fetch(url, { headers: { connection: 'close' } })).text()
  const metrics = await (await fetch(/\nmetrics (\S+)\n/.exec(program.out)![1]!)).text()
  expect(metrics).toContain('rip_requests_total{status="2xx"} 20\n')
})

test('an address of the metrics that is in use is refused at the start', async () => {
  await using first = await balance({ listen: ANY_PORT, metrics: ANY_PORT })
  const { host } = new URL(first.metricsUrl!)
  const second = createBalancer({ listen: ANY_PORT, metrics: host })
  const started = second.start()
  expect(started).rejects.toMatchObject({ code: 'ADDRESS_IN_USE', detail: { address: host } })
  await started.catch(() => undefined)
})

for (const metrics of ['9090', ':9090', 'unix:/run/metrics.sock', '127.0.0.1', 'http://127.0.0.1:9090'])
  test(`${metrics} is no address for metrics`, () => {
    expect(() => createBalancer({ metrics })).toThrow('metrics: expected HOST:PORT, such as 127.0.0.1:9090')
  })

test('metrics on the port of a public listener are refused', () => {
  expect(() => createBalancer({ listen: ':8080', metrics: '127.0.0.1:8080' })).toThrow(
    'metrics: expected a port nothing else listens on, got "127.0.0.1:8080"',
  )
})
