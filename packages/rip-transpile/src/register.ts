/**
 * Importing this module, or naming it in `bun --preload` or in bunfig.toml, makes `.rip` files importable in
 * this process.
 */
import { install } from './loader.ts'

install()
