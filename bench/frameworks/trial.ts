import { type Answer, Load, type Program, Sandbox, timeUntil } from '@rip/testing'
import { edit } from './prepared-project.ts'
import type { Row } from './rows.ts'
import { trySockets } from './sockets.ts'

const REQUESTS = 100
const RATE_PER_SECOND = 20
const WORKERS = 2
const TIMEOUT_MS = 120_000

/** What came of one row. */
export interface Outcome {
  readonly row: Row
  /** Whether everything that the row has is fine. */
  readonly isOk: boolean
  /** What rip-server said that it serves. */
  readonly served: string
  readonly page: string
  readonly file: string
  /** Failed of sent requests. */
  readonly load: string
  readonly sockets: string
  /** Why it is not. */
  readonly problem?: string
}

class Place extends Sandbox {
  static async at(folder: string): Promise<Place> {
    const place = new Place(await Sandbox.makeFolder())
    place.startFolder = folder
    return place
  }
}

/** Serves a project with two workers, and sends requests while they are restarted and new content is loaded. */
export async function tryRow(row: Row, folder: string): Promise<Outcome> {
  const none = { row, isOk: false, served: '', page: '', file: '', load: '', sockets: '' }
  await using place = await Place.at(folder)
  const [own, command] = splitAt(row.args ?? [], '--')
  const server = place.launch(
    'start',
    '--port',
    '0',
    '--bind',
    '127.0.0.1',
    '--workers',
    String(WORKERS),
    '--name',
    'row',
    ...own,
    ...command,
  )
  try {
    if (row.text === undefined) return { ...none, ...(await tryBackground(row, folder, place, server)) }
    await server.ready()
    return await tryServed(row, folder, place, server)
  } catch (error) {
    return { ...none, problem: problemOf(error, server) }
  } finally {
    server.kill('SIGTERM')
  }
}

function splitAt(args: readonly string[], mark: string): readonly [readonly string[], readonly string[]] {
  const at = args.indexOf(mark)
  return at === -1 ? [args, []] : [args.slice(0, at), args.slice(at)]
}

async function tryServed(row: Row, folder: string, place: Place, server: Program): Promise<Outcome> {
  await allReady(place)
  const pageText = await textOf(server.url + (row.page ?? '/'))
  const isPageOk = row.text !== undefined && pageText.includes(row.text)
  const file = await tryFile(row, server.url, pageText)
  const sockets = await trySockets(row, server.url, folder)
  const { failed, sent, problem } = await tryLoad(row, folder, place, server)
  return {
    row,
    served: servedText(server.stderr),
    page: isPageOk ? 'ok' : 'no',
    file,
    load: `${failed}/${sent}`,
    sockets,
    isOk:
      isPageOk &&
      file !== 'no' &&
      failed === 0 &&
      problem === undefined &&
      (sockets === '' || sockets === 'ok'),
    ...(problem !== undefined && { problem }),
  }
}

/** One process at a time has to work, whatever is restarted and loaded. */
async function tryBackground(
  row: Row,
  folder: string,
  place: Place,
  server: Program,
): Promise<Partial<Outcome>> {
  await server.says('working after')
  const polled = async (times: number): Promise<readonly string[]> => {
    const count = pollsOf(server).length + times
    await timeUntil(() => pollsOf(server).length >= count, TIMEOUT_MS)
    return pollsOf(server)
  }
  await polled(POLLS)
  const problem = await change(row, folder, place)
  const processes = (await polled(POLLS)).filter((pid, at, all) => pid !== all[at - 1])
  const isOnce = new Set(processes).size === processes.length
  const served = `in the background, ${isOnce ? 'one process at a time' : 'several at a time'}`
  return { served, isOk: isOnce && problem === undefined, ...(problem !== undefined && { problem }) }
}

const POLLS = 10

/** Numbers of the processes that polled, in order. */
function pollsOf({ stdout, stderr }: Program): readonly string[] {
  return [...(stdout + stderr).matchAll(/polled by (\d+)/g)].map(([, pid = '']) => pid)
}

async function allReady(place: Place): Promise<void> {
  await timeUntil(async () => {
    const { stdout } = await place.run('status', '--name', 'row', '--json')
    const { readyWorkers, wantedWorkers } = JSON.parse(stdout || '{}') as Record<string, number>
    return readyWorkers !== undefined && readyWorkers === wantedWorkers
  }, TIMEOUT_MS)
}

async function textOf(url: string): Promise<string> {
  return await (await fetch(url)).text()
}

async function tryFile({ file }: Row, url: string, page: string): Promise<string> {
  if (file === undefined) return ''
  const path = file === 'script' ? /(?:src|href)="([^"]+\.js)"/.exec(page)?.[1] : file
  if (path === undefined) return 'no'
  const response = await fetch(new URL(path, url))
  const type = response.headers.get('content-type') ?? ''
  const text = await response.text()
  const isOk = response.ok && !type.startsWith('text/html') && text.length > 0
  return isOk ? 'ok' : 'no'
}

interface Loaded {
  readonly failed: number
  readonly sent: number
  readonly problem?: string
}

/** A restart after a fifth of the requests, a reload once that is done. */
async function tryLoad(row: Row, folder: string, place: Place, server: Program): Promise<Loaded> {
  const port = Number(new URL(server.url).port)
  const path = row.page ?? '/'
  const traffic = {
    request: (ordinal: number) => ({ method: 'GET' as const, path, keepAlive: ordinal % 2 === 0 }),
    check: (_: unknown, answer: Answer) => {
      if (row.text !== undefined && !answer.body.includes(row.text)) throw new Error('another page')
    },
  }
  const load = new Load({ port, ratePerSecond: RATE_PER_SECOND, traffic, timeoutMs: 30_000 })
  load.start()
  await timeUntil(() => load.sent >= REQUESTS / 5, TIMEOUT_MS)
  const changes = await change(row, folder, place)
  await timeUntil(() => load.sent >= REQUESTS, TIMEOUT_MS)
  const { failed, sent, examples } = await load.stop()
  const problem = [changes, ...examples].filter((each) => each !== undefined).join('; ')
  return { failed, sent, ...(problem !== '' && { problem }) }
}

async function change(row: Row, folder: string, place: Place): Promise<string | undefined> {
  const restarted = await place.run('restart', '--name', 'row')
  if (restarted.code !== 0) return `restart: ${restarted.stderr.trim()}`
  edit(folder, row)
  const reloaded = await place.run('reload', '--name', 'row', '--json')
  const { unchanged } = JSON.parse(reloaded.stdout || '{}') as { readonly unchanged?: boolean }
  if (reloaded.code === 0 && unchanged !== true) return undefined
  return `reload: ${unchanged === true ? 'nothing has changed' : (reloaded.stderr + reloaded.stdout).trim()}`
}

/** What the ready block says of entry and command. */
function servedText(said: string): string {
  const row = (name: string): string => new RegExp(`^  ${name} +(.+)$`, 'm').exec(said)?.[1]?.trim() ?? ''
  const [entry = '', because = ''] = row('app').split(/ {2,}/)
  const command = row('command').split(/ {2,}/)[0] ?? ''
  return [command === '' ? entry : `\`${command}\``, because].filter((each) => each !== '').join(', ')
}

function problemOf(error: unknown, server: Program): string {
  const message = error instanceof Error ? error.message : String(error)
  return `${message}\n${server.stderr}`
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(0, 8)
    .join(' | ')
}
