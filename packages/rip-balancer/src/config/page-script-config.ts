import type { BackendAddress } from '../address/backend-address.ts'
import { parseBackendAddress } from './address.ts'
import type { ConfigReader } from './config-reader.ts'

/** In a folder of its own, as all requests below that leave the application out. */
const PATH = /^\/[\w.~-]+(?:\/[\w.~-]+)+$/

/** A script for pages, and the server it belongs to. */
export interface PageScriptOptions {
  readonly path: string
  readonly backend: BackendAddress
}

/** Reads the option `pageScript`. */
export function readPageScript(reader: ConfigReader): PageScriptOptions | undefined {
  const path = readPath(reader)
  const backend = readServer(reader)
  reader.end()
  if (path === undefined && backend === undefined) return undefined
  if (path === undefined && !reader.has('path')) return reader.problem('path', 'the path of the script')
  if (backend === undefined && !reader.has('backend'))
    return reader.problem('backend', 'the address of its server')
  return path === undefined || backend === undefined ? undefined : { path, backend }
}

function readPath(reader: ConfigReader): string | undefined {
  const path = reader.text('path')
  if (path === undefined || PATH.test(path)) return path
  return reader.problem('path', 'a path with a folder, such as /.dev/client.js')
}

function readServer(reader: ConfigReader): BackendAddress | undefined {
  const text = reader.text('backend')
  if (text === undefined) return undefined
  return parseBackendAddress(text) ?? reader.problem('backend', 'host:port or unix:PATH')
}
