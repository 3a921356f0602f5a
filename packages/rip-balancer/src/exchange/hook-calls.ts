import type { RequestHead } from '../http1/request-head.ts'
import type { ResponseHead } from '../http1/response-head.ts'
import { FieldEdits } from '../forwarding/field-edits.ts'
import type { ClientView, Hooks, LocalAnswer } from '../settings/hooks.ts'

/** What a hook is told about an exchange. */
export interface HookContext {
  readonly method: string
  readonly target: string
  readonly host: string
  readonly clientAddress: string
  readonly scheme: ClientView['scheme']
  readonly requestId: string
  readonly backend: string | undefined
}

/** What came of a request hook. */
export interface RequestVerdict {
  readonly edits: FieldEdits
  readonly answer: LocalAnswer | undefined
}

/** Calls the request hook. @returns `undefined` when it threw: the user's code costs this exchange and nothing else */
export function askRequestHook(
  hook: NonNullable<Hooks['onRequest']>,
  head: RequestHead,
  context: HookContext,
  onThrow: (error: unknown) => void,
): RequestVerdict | undefined {
  const edits = new FieldEdits(head)
  const { method, target, host, requestId, clientAddress: address, scheme } = context
  try {
    const answer = hook({ method, target, host, requestId, client: { address, scheme }, headers: edits })
    return { edits, answer: answer ?? undefined }
  } catch (error) {
    onThrow(error)
    return undefined
  }
}

/** Calls the response hook. @returns whether it came back without throwing */
export function callResponseHook(
  hook: NonNullable<Hooks['onResponse']>,
  response: ResponseHead,
  edits: FieldEdits,
  context: HookContext,
  onThrow: (error: unknown) => void,
): boolean {
  const { backend = '', requestId } = context
  try {
    hook({ status: response.status, backend, requestId, headers: edits })
    return true
  } catch (error) {
    onThrow(error)
    return false
  }
}
