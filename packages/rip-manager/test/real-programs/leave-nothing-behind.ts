import { afterAll, beforeAll } from 'bun:test'
import { temporaryFolder, type TemporaryFolder } from '../real.ts'

/** Gives the tests of a file their own folder of instances, and switches the cache of compiled code off. */
export function leaveNothingBehind(): void {
  const { XDG_RUNTIME_DIR, RIP_CACHE } = process.env
  let folder: TemporaryFolder

  beforeAll(async () => {
    folder = await temporaryFolder()
    set('XDG_RUNTIME_DIR', folder.path)
    set('RIP_CACHE', 'off')
  })

  afterAll(async () => {
    set('XDG_RUNTIME_DIR', XDG_RUNTIME_DIR)
    set('RIP_CACHE', RIP_CACHE)
    await folder[Symbol.asyncDispose]()
  })
}

function set(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name]
  else process.env[name] = value
}
