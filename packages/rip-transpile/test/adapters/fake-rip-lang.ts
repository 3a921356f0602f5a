/** Packages with the interface of the reference compiler. Each line `name = value` becomes a constant. */

const BODY = `
function lower(source, fail) {
  const bad = source.indexOf('bad!')
  if (bad !== -1) fail(bad)
  return source.replace(/^(\\w+) = /gm, 'export const $1 = ')
}
const mappings = 'AAAA'
`

/** \`rip-lang\` 3.x: the map is JSON text, lines and columns count from 0. */
export const RIP_LANG_3: Readonly<Record<string, string>> = {
  'node_modules/rip-lang/package.json':
    '{"name":"rip-lang","version":"3.17.5","type":"module","main":"src/compiler.js","exports":{".":"./src/compiler.js"}}',
  'node_modules/rip-lang/src/compiler.js': `${BODY}
export class RipError extends Error {
  name = 'RipError'
  constructor(message, position) { super(message); Object.assign(this, position) }
}
let provider
export function provideSchemas() { provider = true }
export function compile(source, { filename, sourceMap, types }) {
  if (source.includes('schema') && !provider) throw new Error('schema runtime provider not registered')
  const code = lower(source, (offset) => {
    const before = source.slice(0, offset).split('\\n')
    throw new RipError('unexpected bad', {
      line: before.length - 1, column: before.at(-1).length, length: 4, suggestion: 'write good',
    })
  })
  const map = sourceMap ? JSON.stringify({ version: 3, file: filename + '.js', sources: [filename], names: [], mappings }) : null
  const link = sourceMap ? '\\n//# sourceMappingURL=' + filename + '.js.map\\n' : ''
  return { code: code + link, map, dts: types === 'emit' ? 'export {}\\n' : null }
}
`,
  'node_modules/rip-lang/src/schema/loader-server.js':
    "import { provideSchemas } from '../compiler.js'\nprovideSchemas()\n",
}

/** Version 4: the map is an object, errors carry offsets, and a message that holds everything. */
export const RIP_LANG_4: Readonly<Record<string, string>> = {
  'node_modules/rip-lang/package.json':
    '{"name":"rip-lang","version":"4.0.0","type":"module","exports":{".":"./index.js"}}',
  'node_modules/rip-lang/index.js': `${BODY}
export class CompileError extends Error {
  name = 'CompileError'
}
export function compile(source, { path, runtimeDelivery }) {
  if (runtimeDelivery !== 'import' && runtimeDelivery !== 'inline') throw new TypeError('runtimeDelivery')
  const code = lower(source, (start) => {
    const before = source.slice(0, start).split('\\n')
    const line = before.length, col = before.at(-1).length + 1
    const message = path + ':' + line + ':' + col + ': unexpected bad\\n\\n  the whole frame'
    throw Object.assign(new CompileError(message), { path, start, end: start + 4, line, col })
  })
  return { code, map: { version: 3, sources: [path], names: [], mappings }, get declarations() { return 'export {}\\n' } }
}
`,
}
