/**
 * Importing this module, or naming it in `bun --preload` or in bunfig.toml, makes `.rip` files importable in
 * this process. With `RIP_SNAPSHOT` in the environment, the project's modules come from that snapshot.
 */
import { install } from './loader.ts'

const snapshot = process.env['RIP_SNAPSHOT']

install(snapshot ? { snapshot } : {})
