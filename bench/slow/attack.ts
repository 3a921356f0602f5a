/** Arguments of slowhttptest(1), without the address. */
export interface Attack {
  readonly name: string
  readonly path: string
  readonly options: readonly string[]
}

/** The modes of slowhttptest, each with clients far slower than the limits allow. */
export const ATTACKS: readonly Attack[] = [
  { name: 'slow heads (-H)', path: '/', options: ['-H', '-i', '3', '-x', '24'] },
  { name: 'slow bodies (-B)', path: '/', options: ['-B', '-i', '3', '-s', '8192', '-x', '32'] },
  { name: 'ranges (-R)', path: '/bytes/100000', options: ['-R', '-t', 'HEAD', '-a', '5', '-b', '1500'] },
  {
    name: 'slow readers of 100 kB (-X)',
    path: '/bytes/100000',
    options: ['-X', '-w', '512', '-y', '1024', '-n', '5', '-z', '32', '-k', '3'],
  },
  {
    name: 'slow readers of 1 MB (-X)',
    path: '/bytes/1000000',
    options: ['-X', '-w', '512', '-y', '1024', '-n', '5', '-z', '32'],
  },
  {
    name: 'slow readers of 10 MB (-X)',
    path: '/bytes/10000000',
    options: ['-X', '-w', '512', '-y', '1024', '-n', '5', '-z', '32'],
  },
]

export interface AttackResult {
  /** Results of slowhttptest's own probe connection, one for each time it looked. */
  readonly available: number
  readonly unavailable: number
}

/** Runs an attack and reads whether slowhttptest found the service available. */
export async function run(
  attack: Attack,
  port: number,
  connections: number,
  seconds: number,
): Promise<AttackResult> {
  const limits = ['-c', `${connections}`, '-r', '200', '-l', `${seconds}`, '-p', '3']
  const url = `http://127.0.0.1:${port}${attack.path}`
  const child = Bun.spawn(['slowhttptest', ...attack.options, ...limits, '-u', url], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  // oxlint-disable-next-line no-control-regex
  const output = (await child.stdout.text()).replaceAll(/\u001b\[[0-9;]*m/g, '')
  const count = (answer: string): number =>
    output.matchAll(new RegExp(`service available:\\s*${answer}`, 'g')).toArray().length
  return { available: count('YES'), unavailable: count('NO') }
}
