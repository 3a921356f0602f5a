import { FIELD, FIELD_IDS, type FieldId } from '../http1/field-name.ts'

/** What a writer does with a field: pass on, leave out, decide case by case, or write anew. */
export const KEEP = 0
export const DROP = 1
export const DECIDE = 2
export const REWRITE = 3

export type FieldAction = typeof KEEP | typeof DROP | typeof DECIDE | typeof REWRITE

/** One action per known field. */
export type FieldRules = Uint8Array

/** Fields that concern one connection only (RFC 9110 §7.6.1), plus those meant for this proxy. */
const HOP_BY_HOP: readonly FieldId[] = [
  FIELD.connection,
  FIELD.keepAlive,
  FIELD.proxyConnection,
  FIELD.te,
  FIELD.transferEncoding,
  FIELD.upgrade,
  FIELD.http2Settings,
]

/** What a backend believes about the client; only a trusted proxy may say it. */
const TRUSTED_ONLY: readonly FieldId[] = [
  FIELD.xForwardedPort,
  FIELD.xForwardedPrefix,
  FIELD.xForwardedSsl,
  FIELD.xForwardedScheme,
  FIELD.xForwardedServer,
  FIELD.xForwardedUri,
  FIELD.xForwardedOther,
  FIELD.xClientIp,
  FIELD.xClusterClientIp,
  FIELD.trueClientIp,
  FIELD.clientAddress,
  FIELD.clientWay,
  FIELD.frontEndHttps,
  FIELD.xOriginalUrl,
  FIELD.xOriginalHost,
  FIELD.xRewriteUrl,
]

/** Written anew by the balancer, from what it knows itself. */
const OWN: readonly FieldId[] = [
  FIELD.xForwardedFor,
  FIELD.xForwardedProto,
  FIELD.xForwardedHost,
  FIELD.xRealIp,
  FIELD.xRealPort,
  FIELD.xRequestId,
]

/** End-to-end fields that a `Connection` option cannot remove, whatever it names. */
const PROTECTED: readonly FieldId[] = [
  FIELD.host,
  FIELD.contentLength,
  FIELD.cookie,
  FIELD.setCookie,
  FIELD.authorization,
  FIELD.accept,
  FIELD.contentType,
  FIELD.contentEncoding,
  FIELD.contentRange,
  FIELD.cacheControl,
  FIELD.date,
  FIELD.expect,
  FIELD.forwarded,
  FIELD.maxForwards,
  FIELD.via,
  ...OWN,
]

function rules(dropped: readonly FieldId[], decided: readonly FieldId[]): FieldRules {
  const table = new Uint8Array(FIELD_IDS)
  for (const id of dropped) table[id] = DROP
  for (const id of decided) table[id] = DECIDE
  return table
}

const DROPPED_IN_REQUESTS = [
  ...HOP_BY_HOP,
  FIELD.trailer,
  FIELD.proxyAuthorization,
  FIELD.proxyAuthenticate,
  FIELD.proxy,
  ...OWN,
]
const DECIDED_IN_REQUESTS = [
  FIELD.host,
  FIELD.contentLength,
  FIELD.expect,
  FIELD.maxForwards,
  FIELD.underscored,
]

/** Requests of clients. */
export const UNTRUSTED_REQUEST: FieldRules = rules(
  [...DROPPED_IN_REQUESTS, ...TRUSTED_ONLY, FIELD.forwarded],
  DECIDED_IN_REQUESTS,
)

/** Requests of clients, where the operator has named more fields that tell the client's address. */
export const UNTRUSTED_REQUEST_WITH_NAMES: FieldRules = rules(
  [...DROPPED_IN_REQUESTS, ...TRUSTED_ONLY, FIELD.forwarded],
  [...DECIDED_IN_REQUESTS, FIELD.other],
)

/** Requests of trusted proxies. */
export const TRUSTED_REQUEST: FieldRules = rules(
  [...DROPPED_IN_REQUESTS, FIELD.forwarded],
  DECIDED_IN_REQUESTS,
)

/** Responses of backends. */
export const RESPONSE: FieldRules = rules(
  HOP_BY_HOP.filter((id) => id !== FIELD.upgrade),
  [FIELD.contentLength, FIELD.trailer, FIELD.date, FIELD.xRequestId, FIELD.upgrade],
)

/** Names that must not appear in a trailer section (RFC 9110 §6.5.1): framing, routing, authentication, payload. */
export const TRAILER: FieldRules = rules(
  [
    ...HOP_BY_HOP,
    ...PROTECTED,
    ...TRUSTED_ONLY,
    FIELD.trailer,
    FIELD.proxy,
    FIELD.proxyAuthorization,
    FIELD.proxyAuthenticate,
    FIELD.proxyAuthenticationInfo,
    FIELD.headOnly,
    FIELD.underscored,
  ],
  [],
)

const protectedFields = rules(PROTECTED, [])

/** Whether the field stays although a `Connection` option names it. */
export function isProtected(id: FieldId): boolean {
  return protectedFields[id] === DROP
}

const aboutTheClient = rules(
  [...TRUSTED_ONLY, ...OWN.filter((id) => id !== FIELD.xRequestId), FIELD.forwarded],
  [],
)

/** Whether the field says who the client is, or which way its request came. */
export function isAboutTheClient(id: FieldId): boolean {
  return aboutTheClient[id] === DROP
}

/** Whether the balancer itself writes, drops or reads the field, or protects it: nothing that is taken for it passes. */
export function hasMeaning(id: FieldId): boolean {
  return UNTRUSTED_REQUEST[id] !== KEEP || isProtected(id)
}
