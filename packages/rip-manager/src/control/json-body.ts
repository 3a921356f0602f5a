/** What was asked cannot be understood; the message says why. */
export class BadRequest extends Error {}

interface FieldTypes {
  readonly string: string
  readonly number: number
  readonly boolean: boolean
}

export type Shape = Readonly<Record<string, keyof FieldTypes>>

/** The fields of a JSON body; a body may be absent, but may hold nothing unknown. */
export async function readBody<S extends Shape>(
  request: Request,
  shape: S,
): Promise<{ readonly [Name in keyof S]?: FieldTypes[S[Name]] }> {
  const body = parseBody(await request.text())
  for (const [name, value] of Object.entries(body)) {
    const type = Object.hasOwn(shape, name) ? shape[name] : undefined
    if (type === undefined)
      throw new BadRequest(`unknown field "${name}"; known: ${Object.keys(shape).join(', ')}`)
    if (typeof value !== type)
      throw new BadRequest(`"${name}" must be a ${type}, but is ${JSON.stringify(value)}`)
  }
  // Each field was just compared with the shape.
  return body as { readonly [Name in keyof S]?: FieldTypes[S[Name]] }
}

function parseBody(text: string): Readonly<Record<string, unknown>> {
  if (text === '') return {}
  try {
    const body: unknown = JSON.parse(text)
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return { ...body }
  } catch {
    // Not JSON: the same answer as JSON that is no object.
  }
  throw new BadRequest('the body must be a JSON object')
}
