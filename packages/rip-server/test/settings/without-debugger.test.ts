import { expect, test } from 'bun:test'
import { withoutDebugger } from '../../src/settings/without-debugger.ts'

test.each([
  [
    { BUN_INSPECT: '127.0.0.1:6499', BUN_INSPECT_NOTIFY: 'unix:/a', BUN_INSPECT_CONNECT_TO: 'b', A: '1' },
    { A: '1' },
  ],
  [{ BUN_OPTIONS: '--inspect' }, { BUN_OPTIONS: '' }],
  [
    { BUN_OPTIONS: '--smol --inspect-brk=127.0.0.1:1 --preload a.ts' },
    { BUN_OPTIONS: '--smol --preload a.ts' },
  ],
  [{ BUN_OPTIONS: '--preload x--inspect' }, { BUN_OPTIONS: '--preload x--inspect' }],
])('%o leaves %o to further processes', (env: Record<string, string>, rest) => {
  expect(withoutDebugger(env)).toEqual(rest)
})
