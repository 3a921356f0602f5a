/**
 * What a program needs that runs a balancer in a process of its own: to check its configuration and to ask it. The
 * balancer itself is not loaded for that.
 */
export { AdminClient } from './admin/admin-client.ts'
export { sumMetrics, sumRequests } from './admin/sum.ts'
export { LogLosses } from './log/log-losses.ts'
export { configProblems } from './config/resolve-config.ts'
export { ipVersion } from './address/ip-version.ts'
export { parseUnixAddress, UNIX_ADDRESS_FORM } from './address/unix-address.ts'
export { answerCount, latencyMs, sumAnswers } from './answers/recent-answers.ts'
export type { AnswerCounts } from './answers/recent-answers.ts'
export { dayOf, invalidity, pairProblem, readCertificate } from './tls/certificate.ts'
export type { CertificateStatus } from './tls/certificate.ts'
