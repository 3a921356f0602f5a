import { describe, expect, test } from 'bun:test'
import type { BackgroundStatus, ManagerStatus, ServedCertificate } from '@rip/manager'
import { parseCommandLine } from '../src/command-line/command-line.ts'
import type { Finding } from '../src/diagnosis/finding.ts'
import { type AskedInstance, instanceFindings } from '../src/diagnosis/instance-findings.ts'
import { type Machine, machineFindings } from '../src/diagnosis/machine-findings.ts'

const DAY_MS = 86_400_000

const GOOD: Machine = {
  bun: { version: '1.4.5', needed: '>=1.4.5' },
  processors: 4,
  openFiles: Infinity,
  fileWatches: 524_288,
  acceptQueue: 4_096,
  memory: { availableBytes: 2 ** 32 },
  runDirs: { base: '/run/rip-server', existing: '/run', isWritable: true, isPassedOver: false },
  spaces: [
    {
      what: 'temporary files',
      path: '/tmp',
      freeBytes: 2 ** 32,
      isOutOfFiles: false,
      follows: 'it fails',
      elsewhere: 'TMPDIR=',
    },
  ],
}

/** The findings with a problem, by name; each has something to type. */
function problems(findings: readonly Finding[]): Record<string, string> {
  const bad = findings.filter(({ advice }) => advice !== undefined)
  for (const { name, remedies = [] } of bad) {
    expect([name, remedies.length > 0]).toEqual([name, true])
    for (const remedy of remedies.filter((each) => each.startsWith('rip-server ')))
      expect(() => parseCommandLine(remedy.split('#')[0]!.trim().split(' ').slice(1))).not.toThrow()
  }
  for (const { name, advice, remedies } of findings)
    expect([name, remedies === undefined]).toEqual([name, advice === undefined])
  return Object.fromEntries(bad.map(({ name, advice = '' }) => [name, advice]))
}

describe('the findings of a machine', () => {
  const found = (machine: Partial<Machine>) => problems(machineFindings({ ...GOOD, ...machine }))

  test('have no remedy where nothing is wrong, or nothing is known', () => {
    expect(found({})).toEqual({})
    const unknown = {
      openFiles: undefined,
      fileWatches: undefined,
      acceptQueue: undefined,
      memory: undefined,
    }
    expect(found(unknown)).toEqual({})
    expect(
      machineFindings({ ...GOOD, ...unknown }).filter(({ value }) => value.startsWith('unknown')),
    ).toHaveLength(4)
  })

  test('have a remedy for each limit that is too low', () => {
    expect(Object.keys(found({ bun: { version: '1.4.4', needed: '>=1.4.5' } }))).toEqual(['Bun'])
    expect(found({ openFiles: 1_024 })).toEqual({ 'open files': expect.stringContaining('1024') })
    expect(Object.keys(found({ fileWatches: 8_000, acceptQueue: 128 }))).toEqual([
      'file watches',
      'accept queue',
    ])
    const memory = { availableBytes: 2 ** 26, limit: { bytes: 2 ** 28 } } as Machine['memory']
    expect(found({ memory })).toEqual({ memory: expect.stringContaining('no room for new workers') })
  })

  test('have a remedy for folders that cannot be used', () => {
    expect(found({ runDirs: { ...GOOD.runDirs, isWritable: false } })['run directories']).toContain(
      'cannot write to /run',
    )
    const [space] = GOOD.spaces
    expect(found({ spaces: [{ ...space!, freeBytes: 1_000 }] })['space for temporary files']).toContain(
      'free in /tmp',
    )
    expect(found({ spaces: [{ ...space!, isOutOfFiles: true }] })['space for temporary files']).toContain(
      'no room for more files',
    )
  })
})

describe('the findings of servers', () => {
  const status = (values: Partial<ManagerStatus>): AskedInstance => ({
    name: 'shop',
    pid: 7,
    status: {
      name: 'shop',
      health: 'ok',
      healthReasons: [],
      generation: 'abcdef0',
      disk: null,
      condemned: null,
      background: [],
      ...values,
    } as unknown as ManagerStatus,
  })
  const found = (...instances: AskedInstance[]) => problems(instanceFindings(instances, 0))
  const certificate = (values: Partial<ServedCertificate>): Partial<ManagerStatus> => ({
    certificates: [
      { file: '/c.pem', names: ['a'], validFromMs: 0, expiresAtMs: 90 * DAY_MS, problem: null, ...values },
    ],
  })

  test('have no remedy for one that is well', () => {
    const working = { name: 'mail', state: 'working', crashes: null } as unknown as BackgroundStatus
    expect(
      found(status({ ...certificate({}), background: [working] }), status({ health: 'starting' })),
    ).toEqual({})
  })

  test('have a remedy for one that does not answer, is of another release, held or not healthy', () => {
    expect(found({ name: 'shop', pid: 7, trouble: 'silent' })['server']).toContain(
      'Process 7 does not answer',
    )
    expect(found({ name: 'shop', pid: 7, trouble: 'other-release' })['server']).toContain('another release')
    expect(found(status({ health: 'held' }))['server']).toContain('suspended')
    expect(
      found(status({ health: 'failing', healthReasons: ['4 of 9 answers failed'] }))['server'],
    ).toContain('4 of 9')
    const verdict = { by: 'server', reason: 'it failed' } as ManagerStatus['condemned']
    expect(found(status({ condemned: verdict }))['server']).toContain('taken back: it failed')
  })

  test('have a remedy for settings that wait for a restart, certificates, and what works in the background', () => {
    const pending = [
      'port: 80 → 81 needs rip-server restart --manager',
      'user: a → b needs rip-server stop and start',
    ]
    const findings = instanceFindings([status({ configuration: { values: {}, pending } })], 0)
    expect(findings.flatMap(({ remedies = [] }) => remedies)).toEqual([
      'rip-server restart --manager --name shop',
      'rip-server stop and start',
    ])
    expect(found(status(certificate({ expiresAtMs: 13 * DAY_MS })))['certificate']).toBe(
      'Renew the certificate /c.pem.',
    )
    expect(found(status(certificate({ problem: 'the key is of another' })))['certificate']).toContain(
      'is not used: the key',
    )
    const crashes = { count: 3, reason: { kind: 'crashed', code: 1 }, atMs: 0, nextStartAtMs: null }
    const waiting = { name: 'mail', state: 'waiting', crashes } as unknown as BackgroundStatus
    expect(found(status({ background: [waiting] }))['in the background']).toContain(
      'mail of shop ended 3 times lately',
    )
  })
})
