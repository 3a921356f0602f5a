import type { Adapter } from '../adapter.ts'
import { compile } from '../compile.ts'
import { packageVersion } from '../package-version.ts'

/** The compiler of this package. */
export function ripAdapter(): Adapter {
  return { name: 'rip', version: packageVersion(), extensions: ['.rip'], compile }
}
