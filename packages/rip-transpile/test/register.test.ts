import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { BUILDER, REGISTER, runBun } from './run-bun.ts'
import { tempProject } from './temp-project.ts'

const FAILING = `f = ->
  throw new Error 'boom'

g = (x) ->
  f()
  1

export go = -> g 1
`

test('an uncaught error names lines of the source and shows them', async () => {
  using project = tempProject({
    'fail.rip': FAILING,
    'main.rip': "import { go } from './fail.rip'\n\ngo()\n",
  })
  const run = await runBun(['--preload', REGISTER, 'main.rip'], { cwd: project.root })
  expect(run.code).toBe(1)
  expect(run.stderr).toContain("2 |   throw new Error 'boom'")
  expect(run.stderr).toContain('fail.rip:2:9')
  expect(run.stderr).toContain('fail.rip:5:3')
  expect(run.stderr).toContain('main.rip:3:1')
})

test('a caught error has the same lines in its stack', async () => {
  using project = tempProject({
    'fail.rip': FAILING,
    'main.rip': "import { go } from './fail.rip'\ntry\n  go()\ncatch error\n  console.log error.stack\n",
  })
  const run = await runBun(['--preload', REGISTER, 'main.rip'], { cwd: project.root })
  expect(run.stdout).toContain('fail.rip:2:9')
  expect(run.stdout).toContain('main.rip:3:3')
})

test('bun test shows the failing line of a test written in a .rip file', async () => {
  using project = tempProject({
    'sum.test.ts': "import './sum.rip'\n",
    'sum.rip': "import { expect, test } from 'bun:test'\n\ntest 'sum', ->\n  expect(1 + 1).toBe 3\n",
    'bunfig.toml': `[test]\npreload = [${JSON.stringify(REGISTER)}]\n`,
  })
  const run = await runBun(['test', './sum.test.ts'], { cwd: project.root })
  expect(run.code).toBe(1)
  expect(run.stderr).toContain('expect(1 + 1).toBe 3')
  expect(run.stderr).toContain('sum.rip:4:')
})

/** Two modules outside this workspace that share the language's runtime. */
const REACTIVE = {
  'store.rip': 'export count := 1\n',
  'main.rip':
    "import { count } from './store.rip'\ndouble ~= count.value * 2\ncount.value = 4\np double, kind []\n",
}

test('the runtime is found where the package is not installed, and modules share it', async () => {
  using project = tempProject(REACTIVE)
  const run = await runBun(['--preload', REGISTER, 'main.rip'], { cwd: project.root })
  expect(run.stdout + run.stderr).toBe('8 array\n')
})

test('the runtime is found from a snapshot, too', async () => {
  using project = tempProject(REACTIVE)
  await runBun([BUILDER, '--root', project.root, '--out', project.path('.snapshot')], { cwd: project.root })
  const env = { RIP_SNAPSHOT: project.path('.snapshot') }
  const run = await runBun(['--preload', REGISTER, 'main.rip'], { cwd: project.root, env })
  expect(run.stdout + run.stderr).toBe('8 array\n')
})

test('bun test finds tests written in Rip once bunfig.toml says that .rip files are programs', async () => {
  using project = tempProject({
    'sum.test.rip':
      "import { expect, test } from 'bun:test'\n\ntest 'sum', ->\n  total = 1 + 1\n  expect(total).toBe 3\n  return\n",
    'bunfig.toml': `[loader]\n".rip" = "js"\n[test]\npreload = [${JSON.stringify(REGISTER)}]\n`,
  })
  const run = await runBun(['test'], { cwd: project.root })
  expect(run.code).toBe(1)
  expect(run.stderr).toContain('5 |   expect(total).toBe 3')
  expect(run.stderr).toContain('sum.test.rip:5:17')
})

test('a failed assertion on the last line of a test has its position, on any kind of line', async () => {
  const lines = [
    'expect(1).toBe 2',
    'expect(1).toBe(2) if true',
    '(if true then expect(1).toBe 2)',
    'true and expect(1).toBe 2',
    'switch 1\n    when 1 then expect(1).toBe 2',
    'expect(x).toBe(2) for x in [1]',
    'try expect(1).toBe 2 finally 1',
    'return expect(1).toBe 2',
  ]
  const tests = lines.flatMap((line, at) => [
    `test '${at}', ->\n  ${line}`,
    `test '${at}, fat', =>\n  ${line}`,
  ])
  const text = `import { expect, test } from 'bun:test'\n${tests.join('\n')}\ntest 'short', => expect(1).toBe 2\n`
  using project = tempProject({
    'all.test.rip': text,
    'bunfig.toml': `[loader]\n".rip" = "js"\n[test]\npreload = [${JSON.stringify(REGISTER)}]\n`,
  })
  const { stderr } = await runBun(['test'], { cwd: project.root })
  const places = [...stderr.matchAll(/all\.test\.rip:(\d+):/g)].map(([, line]) => Number(line))
  const failing = text.split('\n').flatMap((line, at) => (/expect\(/.test(line) ? [at + 1] : []))
  expect(places).toEqual(failing)
})

test('in production, a returned call costs nothing more', async () => {
  using project = tempProject({
    'main.rip': 'f = (g) -> g()\nconsole.log f.toString().includes "returned"\n',
  })
  for (const [mode, found] of [
    ['production', 'false\n'],
    ['development', 'true\n'],
  ] as const) {
    const run = await runBun(['--preload', REGISTER, 'main.rip'], {
      cwd: project.root,
      env: { NODE_ENV: mode },
    })
    expect(run.stdout).toBe(found)
  }
})

test('require, __dirname and __filename work in modules that use them', async () => {
  using project = tempProject({
    'main.rip':
      "path = require 'node:path'\nconsole.log path.basename(__filename), __dirname is import.meta.dir\n",
  })
  const run = await runBun(['--preload', REGISTER, 'main.rip'], { cwd: project.root })
  expect(run.stdout).toBe('main.rip true\n')
})

test('a module may declare its own require', async () => {
  using project = tempProject({
    'main.rip':
      "import { createRequire } from 'node:module'\nrequire = createRequire import.meta.url\nconsole.log typeof require('node:os').cpus\n",
  })
  const run = await runBun(['--preload', REGISTER, 'main.rip'], { cwd: project.root })
  expect(run.stdout).toBe('function\n')
})

test('CommonJS code can require a .rip module', async () => {
  using project = tempProject({
    'value.rip': 'export value = 42\n',
    'main.cjs': "console.log(require('./value.rip').value)\n",
  })
  const run = await runBun(['--preload', REGISTER, 'main.cjs'], { cwd: project.root })
  expect(run.stdout).toBe('42\n')
})

test('source that does not compile rejects the import with the position', async () => {
  using project = tempProject({
    'bad.rip': 'a = 1\nb = )\n',
    'main.ts': "try { await import('./bad.rip') } catch (e) { console.log(e.name, e.line, e.column) }\n",
  })
  const run = await runBun(['--preload', REGISTER, 'main.ts'], { cwd: project.root })
  expect(run.stdout).toBe('CompileError 2 5\n')
})

test('source that does not compile ends the program with only its message', async () => {
  using project = tempProject({ 'bad.rip': 'a = 1\nb = )\n' })
  const run = await runBun(['--preload', REGISTER, 'bad.rip'], { cwd: project.root })
  expect(run.code).toBe(1)
  expect(run.stderr.split('\n\nBun v')[0]).toBe(
    `CompileError: ${project.path('bad.rip')}:2:5: unexpected ')', expected a value\n\n  1 | a = 1\n> 2 | b = )\n    |     ^\n  3 |`,
  )
})

const COVERED = `export sign = (n) ->
  if n < 0
    'negative'
  else
    'positive'

export doubled = (xs) ->
  xs.map (x) ->
    y = x
    y * 2

export unused = (a) ->
  """
  text #{a}
  """
`

test('coverage counts lines of the source', async () => {
  using project = tempProject({
    'lib.rip': COVERED,
    'lib.test.ts':
      "import { test } from 'bun:test'\nimport { doubled, sign } from './lib.rip'\ntest('lib', () => { sign(1); doubled([]) })\n",
  })
  const args = ['test', '--preload', REGISTER, '--coverage', '--coverage-reporter=lcov', './lib.test.ts']
  await runBun(args, { cwd: project.root })
  const report = readFileSync(project.path('coverage/lcov.info'), 'utf8')
  const [, lines = ''] = /SF:lib\.rip\n([^]*?)end_of_record/.exec(report)!
  const counts = [...lines.matchAll(/^DA:(\d+),(\d+)$/gm)].map(([, line, count]) => [+line!, +count!])
  const isHit = (wanted: boolean) => counts.filter(([, count]) => count! > 0 === wanted).map(([line]) => line)
  expect(isHit(true)).toEqual([1, 2, 5, 7, 8, 12])
  expect(isHit(false)).toEqual([3, 9, 10, 13, 14])
})

test('bun --hot runs the saved code', async () => {
  using project = tempProject({ 'main.rip': "console.log 'before'\nsetInterval (->), 1000\n" })
  const child = Bun.spawn([process.execPath, '--hot', '--preload', REGISTER, 'main.rip'], {
    cwd: project.root,
    env: { ...process.env, RIP_CACHE: 'off' },
    stdout: 'pipe',
    stderr: 'inherit',
  })
  // Saved again and again: Bun may begin to watch a moment after it printed.
  const save = () => project.write({ 'main.rip': "console.log 'after'\nsetInterval (->), 1000\n" })
  let saving: Timer | undefined
  let printed = ''
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    printed += chunk
    saving ??= setInterval(save, 200)
    if (printed.includes('after')) break
  }
  clearInterval(saving)
  child.kill()
  await child.exited
  expect(printed).toStartWith('before\nafter\n')
})

test('invalid embedded JavaScript is reported at its position in the source', async () => {
  using project = tempProject({ 'bad.rip': 'a = 1\nb = `let x = ;`\n' })
  const run = await runBun(['--preload', REGISTER, 'bad.rip'], { cwd: project.root })
  expect(run.code).toBe(1)
  expect(run.stderr).toContain('bad.rip:2:5: the text in backticks is not valid JavaScript')
})
