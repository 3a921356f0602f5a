/** Messages by code: what happened, with which value, and what to do about it. */
const messages = {
  FLAGS_INVALID: (d: { readonly problems: readonly string[] }): string =>
    listed('the command line', d.problems),
  CONFIG_INVALID: (d: { readonly problems: readonly string[] }): string =>
    d.problems.length === 1
      ? `the configuration has an error:\n  ${d.problems[0]}`
      : listed('the configuration', d.problems),
  CONFIG_UNREADABLE: (d: { readonly path: string; readonly reason: string }): string =>
    `cannot evaluate the configuration ${d.path}: ${d.reason}`,
  FILE_REFUSED: (d: { readonly path: string; readonly reason: string }): string =>
    `${d.path} is not read: ${d.reason}`,
  APP_NOT_FOUND: (d: { readonly message: string }): string => d.message,
  NOT_STARTED: (d: { readonly command: string }): string =>
    `cannot ${d.command}: the server has not been started; call start() first`,
  CLOSED: (_: object): string => 'the server has been closed; create another one',
} as const

export type ServerErrorCode = keyof typeof messages

export type ServerErrorDetail<C extends ServerErrorCode> = Parameters<(typeof messages)[C]>[0]

/** Every error this package raises on purpose; `code` says which, `detail` carries the values. */
export class ServerError<C extends ServerErrorCode = ServerErrorCode> extends Error {
  override readonly name = 'ServerError'
  readonly code: C
  readonly detail: ServerErrorDetail<C>

  constructor(code: C, detail: ServerErrorDetail<C>, options?: ErrorOptions) {
    // The table pairs each code with its own detail, which the union of all functions cannot express.
    super((messages[code] as (d: ServerErrorDetail<C>) => string)(detail), options)
    this.code = code
    this.detail = detail
  }
}

/** One problem on the same line, several each on its own line. */
function listed(where: string, problems: readonly string[]): string {
  if (problems.length === 1) return problems[0]!
  return [`${where} has ${problems.length} errors:`, ...problems.map((problem) => `  ${problem}`)].join('\n')
}
