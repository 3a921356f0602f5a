import { describe, expect, test } from 'bun:test'
import { backgroundPrograms, locatedBackground } from '../../src/settings/background-programs.ts'

describe('what works in the background', () => {
  test('is named after its file, or the folder of an index', () => {
    expect(backgroundPrograms('jobs.ts, mail/index.rip,sync/pull.orders.js')).toEqual([
      { name: 'jobs', file: 'jobs.ts' },
      { name: 'mail', file: 'mail/index.rip' },
      { name: 'pull.orders', file: 'sync/pull.orders.js' },
    ])
  })

  test('may have a name of its own, or be a command', () => {
    const written = [
      'jobs.ts',
      { file: 'b.ts' },
      { name: 'mail', file: 'c.ts' },
      { name: 'text', command: 'python3 a.py' },
      { name: 'words', command: ['python3', 'a.py'] },
    ]
    expect(backgroundPrograms(JSON.stringify(written))).toEqual([
      { name: 'jobs', file: 'jobs.ts' },
      { name: 'b', file: 'b.ts' },
      { name: 'mail', file: 'c.ts' },
      { name: 'text', command: ['/bin/sh', '-c', 'python3 a.py'] },
      { name: 'words', command: ['python3', 'a.py'] },
    ])
  })

  test('is located from where it was written', () => {
    const programs = backgroundPrograms(
      JSON.stringify(['jobs.ts', '/srv/mail.ts', { name: 'c', command: 'true' }]),
    )
    expect(locatedBackground(programs, '/app')).toMatchObject([
      { file: '/app/jobs.ts' },
      { file: '/srv/mail.ts' },
      { command: ['/bin/sh', '-c', 'true'] },
    ])
  })

  test.each([
    '',
    'jobs.ts,',
    'a/jobs.ts,b/jobs.rip',
    'w1.ts',
    'balancer.ts',
    '2nd.ts',
    `${'x'.repeat(41)}.ts`,
    '[1]',
    '[{"file":"a.ts","command":"a"}]',
    '[{"command":"a"}]',
    '[{"name":"a"}]',
    '[{"name":"a","command":""}]',
    '[{"name":"a","command":[]}]',
    '[{"name":"a","command":["",1]}]',
    '[{"name":"a b","command":"a"}]',
    '[{"name":"a","file":"a.ts","workers":2}]',
  ])('is refused as %p', (text) => {
    expect(() => backgroundPrograms(text)).toThrow(
      'files such as jobs.ts, { name, file } or { name, command }',
    )
  })
})
