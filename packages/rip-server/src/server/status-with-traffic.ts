import type { GenerationAnswers, ManagerStatus, ServedCertificate } from '@rip/manager'
import { expiryText, refusedText } from '../front/certificate-watch.ts'
import { type Traffic, workerKey } from '../front/traffic.ts'

/** Fewer answers in a minute say nothing about the code. */
const FEWEST_ANSWERS = 5
/** A certificate that expires sooner is a reason to act. */
const SOON_MS = 7 * 86_400_000
/** Share of failed answers from which on an application counts as failing. */
const FAILING_PART = 0.2

/** The manager's status of its workers, with the balancers' counts of their answers. */
export function statusWithTraffic(status: ManagerStatus, traffic: Traffic): ManagerStatus {
  const { generations: answers, certificates, counts } = traffic
  const serving = answers.find(({ generation }) => generation === status.generation)
  const failing = serving !== undefined && isFailing(serving) ? failureReasons(serving) : []
  const isOtherwiseWell = status.health === 'ok' || status.health === 'held'
  return {
    ...status,
    health: failing.length > 0 && isOtherwiseWell ? 'failing' : status.health,
    healthReasons: [...status.healthReasons, ...failing, ...certificateReasons(certificates, Date.now())],
    answers,
    traffic: counts,
    certificates,
    workers: status.workers.map((worker) => ({
      ...worker,
      ...traffic.workers.get(workerKey(worker.generation, `w${worker.slot}.${worker.incarnation}`)),
    })),
  }
}

function certificateReasons(certificates: readonly ServedCertificate[], nowMs: number): string[] {
  return certificates.flatMap((certificate) => [
    ...(certificate.expiresAtMs - nowMs < SOON_MS ? [expiryText(certificate, nowMs)] : []),
    ...(certificate.problem === null ? [] : [refusedText(certificate, certificate.problem)]),
  ])
}

function isFailing({ requests, failed }: GenerationAnswers): boolean {
  return requests >= FEWEST_ANSWERS && failed / requests >= FAILING_PART
}

function failureReasons({ requests, failed, windowMs }: GenerationAnswers): string[] {
  const part = Math.round((failed / requests) * 100)
  return [`${failed} of ${requests} answers (${part} %) failed in the last ${Math.round(windowMs / 1_000)} s`]
}
