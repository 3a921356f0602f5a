import { expect, test } from 'bun:test'
import { BUILDER, REGISTER, runBun } from '../run-bun.ts'
import { tempProject } from '../temp-project.ts'

type Files = Readonly<Record<string, string>>

/** The output of a program in plain Bun and from a snapshot. */
async function outputs(files: Files, entry = 'start.mjs'): Promise<{ plain: string; frozen: string }> {
  using project = tempProject(
    Object.fromEntries(Object.entries(files).map(([path, text]) => [`app/${path}`, text])),
  )
  const cwd = project.path('app')
  const built = await runBun([BUILDER, '--root', cwd, '--out', project.path('snap')], { cwd })
  expect(built.code).toBe(0)
  const plain = await runBun([`./${entry}`], { cwd })
  const env = { RIP_SNAPSHOT: project.path('snap') }
  const frozen = await runBun(['--preload', REGISTER, `./${entry}`], { cwd, env })
  return { plain: plain.stdout + plain.stderr, frozen: frozen.stdout + frozen.stderr }
}

const compiled = `"use strict";
Object.defineProperty(exports, '__esModule', { value: true })
exports.named = 1
exports.default = 'default'
`

const cases: Readonly<Record<string, Files>> = {
  'a file that exports nothing, imported for its effects': {
    'setup.js': "const os = require('os')\nglobalThis.eol = os.EOL.length\n",
    'start.mjs': "import './setup.js'\nconsole.log(globalThis.eol)\n",
  },
  'a file that exports nothing, required': {
    'setup.js': 'globalThis.folder = __dirname.length > 0 && __filename.endsWith("setup.js")\n',
    'start.mjs':
      "import { createRequire } from 'node:module'\ncreateRequire(import.meta.url)('./setup.js')\nconsole.log(globalThis.folder)\n",
  },
  'a cycle': {
    'a.js': "exports.early = 1\nexports.b = require('./b.js').seen\nexports.late = 2\n",
    'b.js': "const a = require('./a.js')\nexports.seen = JSON.stringify(a)\n",
    'start.mjs': "import a, { late } from './a.js'\nconsole.log(a.b, a.late, late)\n",
  },
  'exports as a function with properties, null and a number': {
    'f.js': 'module.exports = function f() { return 1 }\nmodule.exports.extra = 2\n',
    'nothing.js': 'module.exports = null\n',
    'number.js': 'module.exports = 42\n',
    'start.mjs':
      "import f, { extra } from './f.js'\nimport nothing from './nothing.js'\nimport number from './number.js'\nconsole.log(f(), extra, f.extra, nothing, number)\n",
  },
  'JSON, ES modules and conditions': {
    'data.json': '{ "n": 1 }',
    'esm.mjs': 'export const a = 1\nexport default 2\n',
    'on.js': "exports.way = 'on'\n",
    'main.js':
      "const data = require('./data.json')\nconst esm = require('./esm.mjs')\nif (data.n === 1) exports.way = require('./on').way\nelse exports.way = require('./off').way\ntry { require('./nowhere') } catch (error) { exports.code = error.code }\nexports.esm = [esm.a, esm.default]\n",
    'start.mjs': "import main from './main.js'\nconsole.log(main.way, main.code, main.esm)\n",
  },
  'module, require.main, require.resolve and this': {
    'main.js':
      "const { basename } = require('path')\nconsole.log(require.main === module, this === module.exports, basename(require.resolve('./other')), basename(module.filename), module.exports === exports, typeof module.require, module.paths.length > 0)\n",
    'other.js': 'exports.a = 1\n',
    'start.mjs': "import './main.js'\n",
  },
  'what was compiled from a module, imported and required': {
    'compiled.js': compiled,
    'imported.js': compiled,
    'start.mjs':
      "import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)\nconst a = require('./compiled.js')\nconsole.log(a.named, a.default, Object.keys(a), a === require('./compiled.js'))\nconst { default: b, named } = await import('./imported.js')\nconsole.log(b, named, require('./imported.js').default)\n",
  },
  'one instance for import and require': {
    'count.js': 'globalThis.count = (globalThis.count ?? 0) + 1\nexports.count = globalThis.count\n',
    'start.mjs':
      "import { createRequire } from 'node:module'\nimport count from './count.js'\nconst again = createRequire(import.meta.url)('./count.js')\nconst { count: third } = await import('./count.js')\nconsole.log(count.count, again === count, third, globalThis.count)\n",
  },
  'import() in a CommonJS file': {
    'later.js': "module.exports = () => import('./esm.mjs')\n",
    'esm.mjs': 'export const a = 1\n',
    'start.mjs': "import later from './later.js'\nconsole.log((await later()).a)\n",
  },
  'a first line for the shell': {
    'tool.js': "#!/usr/bin/env bun\nexports.path = require('path').basename(__filename)\n",
    'start.mjs': "import { path } from './tool.js'\nconsole.log(path)\n",
  },
  'TypeScript with require': {
    'typed.ts': "const { sep }: { sep: string } = require('path')\nmodule.exports = { sep }\n",
    'start.mjs': "import typed from './typed.ts'\nconsole.log(typed.sep)\n",
  },
  'words that only modules have, in comments and strings': {
    'runtime.js':
      '// a bundler replaces import.meta.url, and awaits import()\nmodule.exports = (name) => `${name} import.meta`\n',
    'start.mjs':
      "import { createRequire } from 'node:module'\nconsole.log(createRequire(import.meta.url)('./runtime.js')('a'))\n",
  },
  'import.meta beside the word require': {
    'where.js': '// does not require anything\nglobalThis.where = import.meta.url.slice(0, 7)\n',
    'start.mjs': "import './where.js'\nconsole.log(globalThis.where)\n",
  },
  'await outside of a function beside the word require': {
    'waits.js': '// does not require anything\nglobalThis.waited = await Promise.resolve(1)\n',
    'start.mjs': "import './waits.js'\nconsole.log(globalThis.waited)\n",
  },
}

test.each(Object.entries(cases))('CommonJS below a snapshot is as in plain Bun: %s', async (_, files) => {
  const { plain, frozen } = await outputs(files)
  expect(plain).not.toContain('rror:')
  expect(frozen).toBe(plain)
})

test('a CommonJS file that throws can be required again, and the error names its line', async () => {
  const { plain, frozen } = await outputs({
    'fails.js': "const os = require('os')\n\nthrow new Error('failed on ' + os.EOL.length)\n",
    'start.mjs':
      "import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)\nfor (const time of [1, 2])\n  try {\n    require('./fails.js')\n  } catch (error) {\n    console.log(time, error.message, /fails\\.js:(\\d+)/.exec(error.stack)[1])\n  }\n",
  })
  expect(plain).toBe('1 failed on 1 3\n2 failed on 1 3\n')
  expect(frozen).toBe(plain)
})
