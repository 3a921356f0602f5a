/** Every code of this package with the sentence it stands for. */
const messages = {
  RIP_APP_NOT_FOUND: (d: { searched: string; tried: string }) =>
    `no application found in ${d.searched}: tried ${d.tried}. Name the file on the command line, or set "rip": { "entry": … } in package.json`,
  RIP_APP_MISSING: (d: { file: string; namedBy: string }) =>
    `${d.file} does not exist, but ${d.namedBy} names it as the application`,
  RIP_APP_AMBIGUOUS: (d: { folder: string; found: readonly string[] }) =>
    `${d.folder} has ${d.found.length} builds: ${d.found.join(', ')}. Remove those that are not meant, name the file on the command line, or set "rip": { "entry": … } in package.json`,
  RIP_APP_NOT_BUILT: (d: { folder: string; framework: string }) =>
    `${d.folder} is a ${d.framework} project without a build that could be served: run its build first (npm run build), or rip-server dev. If it is built elsewhere, name the file on the command line`,
  RIP_APP_PAGE: (d: { file: string }) =>
    `${d.file} is a page among the files of a project, which are not for clients: name the folder of its build, or serve a folder beside an application with --static`,
  RIP_APP_COMMAND: (d: { folder: string; command: string; because: string }) =>
    `the application in ${d.folder} is run by a command, ${d.command} (${d.because}), which a worker alone cannot do: use rip-server start`,
  RIP_PACKAGE_UNREADABLE: (d: { file: string; reason: string }) =>
    `${d.file} cannot be read as a package.json: ${d.reason}`,
  RIP_APP_COMPILE: (d: { file: string; reason: string }) => `${d.file} could not be compiled: ${d.reason}`,
  RIP_APP_IMPORT: (d: { file: string; reason: string }) => `${d.file} could not be loaded: ${d.reason}`,
  RIP_LOADER_FAILED: (d: { reason: string }) =>
    `the loader of .rip files and snapshots could not be set up: ${d.reason}`,
  RIP_APP_NO_HANDLER: (d: { file: string; found: string; guarded: boolean; empty?: boolean }) =>
    `${d.file} has no request handler: ${d.found}. Export one, for example: export default (request) => new Response('hello')${d.guarded ? '. What it does behind import.meta.main is not run, since a file with a default export is asked for its handler: export what the server there is made of, or no default, and that server is served' : ''}${d.empty === true ? ". A program without HTTP runs once with --background FILE; a start() that keeps its handler to itself, as that of rip/sites, cannot be served; a handler left on globalThis[Symbol.for('rip.handler')] can" : ''}`,
  RIP_APP_OWN_PORT: (d: { file: string; address: string; beside: string | undefined }) =>
    `${d.file} opens its own server (${d.address})${d.beside === undefined ? '' : ` beside ${d.beside}`}, once in every worker, and a worker serves one. Let that one answer everything, or run the other in a program of its own (once, beside the workers: --background FILE); to keep a file runnable alone, guard the call with import.meta.main`,
  RIP_APP_FOREIGN_SERVER: (d: { file: string; address: string }) =>
    `${d.file} listens on ${d.address} by node:http2, node:net or Bun.listen, which a worker cannot serve. Open its server by node:http or Bun.serve, or run it by its own start command: rip-server -- COMMAND`,
  RIP_APP_CLUSTER: (d: { file: string; count: number }) =>
    `${d.file} forks ${d.count === 1 ? 'a process' : `${d.count} processes`} with node:cluster and opens no server itself. Workers are processes already, as many as -w (--workers) says: open the server in this file, without node:cluster, or name the file that opens it`,
  RIP_BACKGROUND_MISSING: (d: { name: string; program: string }) =>
    `the command of the background process ${d.name} cannot be started: there is no program ${d.program}`,
  RIP_PAGE_FAILED: (d: { route: string; file: string; reason: string }) =>
    `the page ${d.file} of the route ${d.route} could not be bundled: ${d.reason}`,
  RIP_READY_FAILED: (d: { reason: string }) => `the application's ready() failed: ${d.reason}`,
  RIP_LISTEN_FAILED: (d: { address: string; reason: string }) => `cannot listen on ${d.address}: ${d.reason}`,
  RIP_NOT_SERVING: (d: { state: string }) =>
    `a request cannot be injected into a worker that is ${d.state}: its routes or node:http handlers are reached by its socket alone. Await start() first`,
  RIP_OPTION_INVALID: (d: { option: string; value: string; expected: string }) =>
    `${d.option} is ${d.value}, expected ${d.expected}`,
  RIP_NOT_A_RESPONSE: (d: { returned: string }) =>
    `the handler returned ${d.returned} instead of a Response. Wrap the value: new Response(text) or Response.json(value)`,
  RIP_RESPONSE_USED: (_: { status: number }) =>
    'the handler returned a Response whose body was already read or sent. Create a new one for each request',
  RIP_RESPONSE_ERROR: (_: { status: number }) =>
    'the handler returned Response.error(), which has no status. Return a Response with status 500, or throw',
  RIP_CONTROL_FAILED: (d: { path: string; reason: string }) =>
    `cannot reach the supervisor on its control socket ${d.path}: ${d.reason}`,
  RIP_PROTOCOL_VERSION: (d: { theirs: number; ours: number }) =>
    `the supervisor speaks version ${d.theirs} of the control protocol, this worker version ${d.ours}: install the same release of @rip/worker and @rip/manager`,
} as const

export type WorkerErrorCode = keyof typeof messages

export type WorkerErrorDetail<C extends WorkerErrorCode> = Parameters<(typeof messages)[C]>[0]

/** What went wrong in or around a worker; `code` names the case and decides the shape of `detail`. */
export class WorkerError<C extends WorkerErrorCode = WorkerErrorCode> extends Error {
  override readonly name = 'WorkerError'
  readonly code: C
  readonly detail: WorkerErrorDetail<C>

  constructor(code: C, detail: WorkerErrorDetail<C>, options?: ErrorOptions) {
    // The table pairs each code with the detail its sentence takes; the compiler cannot follow the pair.
    const sentence = messages[code] as (detail: WorkerErrorDetail<C>) => string
    super(sentence(detail), options)
    this.code = code
    this.detail = detail
  }
}

/** Why an address cannot be listened on; the system's word for a long path does not say what to do. */
export function listenReason(thrown: unknown): string {
  const isTooLong = (thrown as NodeJS.ErrnoException | null)?.code === 'ENAMETOOLONG'
  return isTooLong ? 'the path is too long for a socket; choose a shorter one' : reasonOf(thrown)
}

/** One line about whatever was thrown. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
