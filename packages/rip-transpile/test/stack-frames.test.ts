import { beforeAll, describe, expect, test } from 'bun:test'
import { REGISTER, runBun } from './run-bun.ts'
import { tempProject } from './temp-project.ts'

/**
 * Programs that throw at `▶`. It is never the last expression of a function, because JavaScriptCore drops the frame of
 * a strict tail call.
 */
const PROGRAMS = {
  'a call at the top': 'x = 1\n\n▶boom x\nx',
  'a call in a call': 'f = (x) -> x\nx = f f ▶boom 1\nx',
  'a def': 'def f(a, b = 2)\n  # note\n  y = a + b\n  ▶boom y\n  y\nf 1',
  'a void function': 'f! = ->\n  ▶boom 1\n  return\nf()',
  'a default parameter': 'f = (a, b = ▶boom(1)) -> a\nf 1\n1',
  'a callback over several lines': '[1].map (x) ->\n  y = x * 2\n\n  ▶boom y\n  y',
  'a method': 'o = { boom }\no.▶boom 1\n1',
  'a method of this': 'o =\n  boom: boom\n  run: ->\n    @▶boom 1\n    1\no.run()',
  'an optional chain': 'a = { b: { boom } }\na?.b?.▶boom 1\n1',
  'an optional call': '▶boom?(1)\n1',
  'a chain over several lines': 'x = [1]\n  .concat(2)\n  .▶map(boom)\nx',
  'a call and await': 'x = ▶boom! 1\nx',
  'an async function': 'f = (x) ->\n  y = await x\n  ▶boom y\n  y\nawait f 1',
  'a generator': 'g = ->\n  yield 1\n  ▶boom 2\n  3\nx = [...g()]\nx',
  'a tag': "x = ▶boom'text'\nx",
  'an interpolation': 's = "a #{1} b #{▶boom 2} c"\ns',
  'an interpolation of a heredoc': 's = """\n  one #{1}\n  two #{▶boom 2}\n  """\ns',
  'an interpolation over lines': 's = """\n  one #{\n    ▶boom 2\n  } x\n  """\ns',
  'behind a heredoc': "s = '''\n  one\n  two\n  '''\n▶boom s\ns",
  'a regular expression over lines': 'r = ///\n  a # note\n  #{▶boom 1}\n  ///\nr',
  'a compound assignment': 'x = 1\nx += ▶boom 1\nx',
  'an assignment of a floor': 'x = 3\nx //= ▶boom 2\nx',
  'a modulo': 'x = 3\ny = x %% ▶boom 2\ny',
  'a chained comparison': 'x = 1 < ▶boom(2) < 3\nx',
  'a method assignment': "s = 'a'\ns .= concat ▶boom 1\ns",
  'a merge': 'o = {}\n*>o = ▶boom 1\no',
  'a membership': 'xs = [1]\nx = ▶boom(1) in xs\nx',
  'a match': 'if "a" =~ ▶boom 1\n  1\n2',
  'a pick': 'x = {}.{a, b = ▶boom 1}\nx',
  'a range': 'r = [1..▶boom(3)]\nr',
  'a slice': 'a = [1]\nb = a[0...▶boom(1)]\nb',
  'an object over lines': 'o =\n  a:\n    b: 1\n    c: ▶boom 2\no',
  'a map literal': 'm = *{a: ▶boom 1}\nm',
  'a default of a pattern': '{a, b = ▶boom 2} = {a: 1}\nb',
  'a rest in the middle': '[a, ...b, c] = ▶boom 1\nb',
  'a postfix if': 'x = 1\n▶boom x if x\nx',
  'a condition': 'x = 1\nif x > 0 and ▶boom x\n  x',
  'a value chosen by if': 'x = 1\ny = if x\n  z = 2\n  ▶boom z\nelse 3\ny',
  'a case': 'v = 2\nr = switch v\n  when 1 then 0\n  when 2\n    1 + ▶boom v\n  else 3\nr',
  'a test of a case': 'switch 1\n  when ▶boom 1 then 2\n1',
  'a guard': 'def f(x)\n  y = ▶boom(x) or return 1\n  y\nf 1',
  'a catch': 'try\n  throw 1\ncatch e\n  ▶boom e\n1',
  'a finally': 'try\n  1\nfinally\n  ▶boom 1\n1',
  'a loop': 'for x, i in [1, 2]\n  y = i\n  ▶boom y',
  'a loop over own keys': 'for own k, v of {a: 1}\n  ▶boom v',
  'a step of a loop': 'for i in [0..10] by ▶boom 3\n  i',
  'a counted loop': 'loop 2\n  ▶boom 1',
  until: 'i = 0\nuntil ▶boom i\n  i++',
  'a comprehension': 'r = (\n  1 + ▶boom x for x in [1, 2])\nr',
  'a guard of a comprehension': 'r = (x for x in [1, 2] when ▶boom x)\nr',
  'an object comprehension': 'r = {[k]: ▶boom v for k, v of {a: 1}}\nr',
  'a constructor': 'class A\n  constructor: (@a) ->\n    @b = ▶boom 1\n    @b\nnew A(1)',
  'a bound method': 'class A\n  run: =>\n    x = 1\n    ▶boom x\n    x\nrun = new A().run\nrun()',
  'a method that calls super':
    'class B\n  run: -> 1\nclass A extends B\n  run: ->\n    x = super() + ▶boom 1\n    x\nnew A().run()',
  'a prototype': 'class A\nA::run = ->\n  ▶boom 1\n  1\nnew A().run()',
  'a state': 'count := ▶boom 1\ncount',
  'a computed value': 'count := 1\ndouble ~= count + ▶boom 2\nconsole.log double',
  'an effect': '~>\n  x = 1\n  ▶boom x\n  x\n1',
  'embedded JavaScript': 'x = 1\n```\nlet y = 2\n  ▶boom(y)\n```\nx',
  'behind types': 'def f(a: number, b?: string): number\n  x: number = ▶boom a\n  x\nf 1',
  'behind characters outside ASCII': "a = 'é 😀'; ▶boom a\na",
  'a line of tabs': 'f = ->\n\tx = 1\n\t▶boom x\n\tx\nf()',
  'lines that end as on Windows': 'f = ->\r\n  x = 1\r\n  ▶boom x\r\n  x\r\nf()\r\n',
  'a file with data': '▶boom DATA\n1\n__DATA__\ntext',
  'an error': "throw ▶new Error 'x'",
  'an error over lines': "x = 1\nthrow ▶new TypeError(\n  'x'\n  cause: x\n)",
  'an error thrown later': "e = ▶new Error 'x'\nthrow e",
  'an error that rejects': "x = await Promise.reject ▶new Error 'y'\nx",
  'a name that is not there': 'x = 1\nx + ▶nothere\n1',
  'what is no function': 'x = { a: 1 }\nx.▶a 2\n1',
} as const

const MAIN = `globalThis.boom = () => { throw new Error('boom') }
for (let at = 0; at < ${Object.keys(PROGRAMS).length}; at++) {
  const file = 'p' + at + '.rip'
  const error = await import('./' + file).then(() => new Error('nothing was thrown'), (error) => error)
  console.log(error.stack.split('\\n').find((line) => line.includes(file)) ?? error.stack.split('\\n')[0])
}
`

function position(source: string): string {
  const lines = source.slice(0, source.indexOf('▶')).split('\n')
  return `${lines.length}:${lines.at(-1)!.length + 1}`
}

describe('the frame of a throwing expression has the exact line and column', () => {
  const programs = Object.entries(PROGRAMS)
  let frames: string[] = []

  beforeAll(async () => {
    const files = programs.map(([, source], at) => [`p${at}.rip`, `${source.replace('▶', '')}\n`])
    using project = tempProject({ ...Object.fromEntries(files), 'main.mjs': MAIN })
    const run = await runBun(['--preload', REGISTER, 'main.mjs'], { cwd: project.root })
    frames = run.stdout.trimEnd().split('\n')
    expect(run.stderr).toBe('')
  })

  for (const [at, [name, source]] of programs.entries()) {
    test(name, () => {
      expect(frames[at]).toMatch(new RegExp(`p${at}\\.rip:${position(source)}\\)?$`))
    })
  }
})
