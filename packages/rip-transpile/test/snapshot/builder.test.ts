import { expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import type { BuildReport } from '../../src/snapshot/build-report.ts'
import type { SnapshotManifest } from '../../src/snapshot/manifest.ts'
import { BUILDER, runBun } from '../run-bun.ts'
import type { BunRun } from '../run-bun.ts'
import { tempProject } from '../temp-project.ts'
import type { TempProject } from '../temp-project.ts'

async function build(project: TempProject, ...args: string[]): Promise<BunRun & { report: BuildReport }> {
  const run = await runBun([BUILDER, '--root', project.path('app'), '--out', project.path('snap'), ...args], {
    cwd: project.root,
    env: { RIP_CACHE: '', XDG_CACHE_HOME: project.path('cache') },
  })
  return { ...run, report: JSON.parse(run.stdout) as BuildReport }
}

test('modules are listed by path; other files, node_modules and hidden names are not', async () => {
  using project = tempProject({
    'app/index.rip': "export default 'hello'\n",
    'app/lib/a.ts': 'export const a: number = 1\n',
    'app/package.json': '{}',
    'app/page.html': '<p>',
    'app/node_modules/x/index.js': '',
    'app/lib/node_modules/y/index.js': '',
    'app/.git/hook.js': '',
    'app/.hidden.js': '',
  })
  const { code, stdout, report } = await build(project, '--generation', 'g1')
  expect(code).toBe(0)
  expect(stdout.trimEnd().split('\n')).toHaveLength(1)
  expect(report).toMatchObject({ ok: true, snapshot: project.path('snap'), files: 3, compiled: 1, cached: 0 })
  const manifest = JSON.parse(readFileSync(project.path('snap/manifest.json'), 'utf8')) as SnapshotManifest
  expect(manifest).toMatchObject({ version: 1, root: project.path('app'), generation: 'g1' })
  expect(Object.keys(manifest.files)).toEqual(['index.rip', 'lib/a.ts', 'package.json'])
})

test('code that was compiled before comes from the cache', async () => {
  using project = tempProject({ 'app/a.rip': 'a = 1\n', 'app/b.rip': 'b = 2\n' })
  await build(project)
  project.write({ 'app/b.rip': 'b = 3\n' })
  const { report } = await build(project)
  expect(report).toMatchObject({ ok: true, compiled: 1, cached: 1 })
})

test('source that does not compile is reported with its position, and no snapshot is left', async () => {
  using project = tempProject({ 'app/a.rip': 'a = 1\n', 'app/b.rip': 'b = 2\nc = )\n' })
  const { code, report } = await build(project)
  expect(code).toBe(4)
  expect(report).toMatchObject({
    ok: false,
    failure: { kind: 'compile', file: project.path('app/b.rip'), line: 2, column: 5 },
  })
  expect(report.ok === false && report.failure.frame).toContain('> 2 | c = )')
  expect(existsSync(project.path('snap/manifest.json'))).toBe(false)
})

test('a partly written snapshot is written anew by the next build', async () => {
  const source = `export default '${'x'.repeat(50_000)}'\n`
  using project = tempProject({ 'app/index.js': source })
  const command = [BUILDER, '--root', project.path('app'), '--out', project.path('snap')]
  // The system refuses to enlarge a file beyond this size, as on a full disk.
  const limited = ['-c', 'ulimit -f 8; exec "$@"', 'sh', process.execPath, ...command]
  const { exitCode } = Bun.spawnSync(['sh', ...limited], { cwd: project.root })
  expect(exitCode).not.toBe(0)
  expect((await build(project)).report.ok).toBe(true)
  const manifest = JSON.parse(readFileSync(project.path('snap/manifest.json'), 'utf8')) as SnapshotManifest
  const kept = readFileSync(project.path(`snap/files/${manifest.files['index.js']!.hash}`), 'utf8')
  expect(kept === source).toBe(true)
})

test('further broken files are counted in the message', async () => {
  using project = tempProject({ 'app/a.rip': 'a = (\n', 'app/b.rip': 'b = (\n', 'app/c.rip': 'c = (\n' })
  const { report } = await build(project)
  expect(report).toMatchObject({ ok: false, failure: { file: project.path('app/a.rip') } })
  expect(report.ok === false && report.failure.message).toContain('(and 2 more files do not compile)')
})

test('a hint continues the sentence of the reason', async () => {
  using project = tempProject({ 'app/a.rip': 'class = 1\n' })
  const { report } = await build(project)
  expect(report.ok === false && report.failure.message).toBe(
    "'class' is a reserved word; choose another name",
  )
})

test('a folder that does not exist is a failure, not a crash', async () => {
  using project = tempProject()
  const { code, report } = await build(project)
  expect(code).toBe(4)
  expect(report).toMatchObject({ ok: false, failure: { kind: 'compile' } })
  expect(report.ok === false && report.failure.message).toContain(project.path('app'))
})

test('an unknown compiler is a failure that lists the known ones', async () => {
  using project = tempProject({ 'app/a.rip': 'a = 1\n' })
  const { code, report } = await build(project, '--adapter', 'nonesuch')
  expect(code).toBe(4)
  expect(report.ok === false && report.failure.message).toContain("no compiler named 'nonesuch'")
})

test('missing arguments are a usage error', async () => {
  using project = tempProject()
  const run = await runBun([BUILDER], { cwd: project.root })
  expect(run.code).toBe(2)
  expect(run.stderr).toContain('--root DIR --out SNAPSHOT_DIR')
})

test('the files that belong to the application can be named on standard input', async () => {
  using project = tempProject({
    'app/a.rip': 'a = 1\n',
    'app/generated.rip': 'nonsense = (\n',
    'app/.config/b.ts': 'export {}\n',
    'app/page.html': '',
  })
  const run = await runBun(
    [BUILDER, '--root', project.path('app'), '--out', project.path('snap'), '--files', '-'],
    { cwd: project.root, stdin: 'a.rip\n.config/b.ts\npage.html\n' },
  )
  expect(run.code).toBe(0)
  const manifest = JSON.parse(readFileSync(project.path('snap/manifest.json'), 'utf8')) as SnapshotManifest
  expect(Object.keys(manifest.files)).toEqual(['a.rip', '.config/b.ts'])
})

test('a standby process takes its request from standard input', async () => {
  using project = tempProject({ 'app/a.rip': 'a = 1\n' })
  const request = { root: project.path('app'), out: project.path('snap'), generation: 'g7' }
  const run = await runBun([BUILDER, '--request', '-'], {
    cwd: project.root,
    stdin: JSON.stringify(request),
  })
  expect(JSON.parse(run.stdout)).toMatchObject({ ok: true, snapshot: project.path('snap'), files: 1 })
  const manifest = JSON.parse(readFileSync(project.path('snap/manifest.json'), 'utf8')) as SnapshotManifest
  expect(manifest.generation).toBe('g7')
})

test('a process that lives on after its report keeps what the next build can use', async () => {
  using project = tempProject({ 'app/a.ts': "import './b.ts'\n", 'app/b.ts': '' })
  const request = {
    root: project.path('app'),
    out: project.path('run/snap'),
    packages: project.path('run/packages'),
  }
  const run = await runBun([BUILDER, '--request', '-'], {
    cwd: project.root,
    stdin: JSON.stringify({ ...request, lingerMs: 1 }),
  })
  expect(JSON.parse(run.stdout)).toMatchObject({ ok: true, files: 2 })
  const known = JSON.parse(readFileSync(project.path('run/packages/references.json'), 'utf8')) as object
  expect(JSON.stringify(known)).toContain('./b.ts')
})

test('a file that the application begins with, and that is gone, is named with what to do', async () => {
  using project = tempProject({ 'app/other.ts': '' })
  const { code, report } = await build(project, '--entry', project.path('app/index.ts'))
  const message = `the application begins with ${project.path('app/index.ts')}, which does not exist: restore it, or start the server with another file`
  expect([code, report]).toEqual([4, { ok: false, failure: { kind: 'compile', message } }])
})

test.each([
  ['compiles', 'a = 2\n'],
  ['does not compile', 'a = )\n'],
  ['is gone', undefined],
])(
  'a standby process that has compiled a file ahead of need, which %s, builds all the same',
  async (_, sample) => {
    using project = tempProject({
      'app/a.rip': 'a = 1\n',
      ...(sample !== undefined && { 'sample.rip': sample }),
    })
    const flags = ['--warm', '.rip', '--sample', project.path('sample.rip')]
    const run = await runBun([BUILDER, '--request', '-', ...flags], {
      cwd: project.path('app'),
      env: { RIP_CACHE: 'off' },
      stdin: JSON.stringify({ root: project.path('app'), out: project.path('snap') }),
    })
    expect([run.stderr, JSON.parse(run.stdout)]).toMatchObject(['', { ok: true, files: 1, compiled: 1 }])
  },
)

test('a process that gets no request ends silently', async () => {
  using project = tempProject()
  const run = await runBun([BUILDER, '--request', '-'], { cwd: project.root, stdin: '' })
  expect(run).toEqual({ code: 0, stdout: '', stderr: '' })
})
