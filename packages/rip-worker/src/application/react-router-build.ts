import type { Handler } from './application.ts'

type Exports = Readonly<Record<string, unknown>>

/** What the server build of React Router 7 and 8 exports, for `createRequestHandler`. */
const BUILD = ['assets', 'entry', 'publicPath', 'routes', 'ssr'] as const

type CreateRequestHandler = (
  build: Exports,
  mode: string | undefined,
) => (request: Request) => Promise<Response>

/**
 * The handler of a server build of React Router, which needs the package to be made; `undefined` if the exports are of
 * something else.
 *
 * @param file of the build; the package is looked for from there
 */
export async function handlerOfReactRouter(exports: Exports, file: string): Promise<Handler | undefined> {
  if (!BUILD.every((name) => name in exports)) return undefined
  const path = Bun.resolveSync('react-router', file.slice(0, file.lastIndexOf('/')) || '/')
  const { createRequestHandler } = (await import(path)) as {
    readonly createRequestHandler: CreateRequestHandler
  }
  const handle = createRequestHandler(exports, process.env['NODE_ENV'])
  return (request) => handle(request)
}
