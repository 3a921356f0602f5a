import type { BackgroundStatus, ManagerStatus, ServedCertificate } from '@rip/manager'
import { expiryText, untilText } from '@rip/server/sources'
import { condemnedText, exitReasonText } from '../terminal/event-line.ts'
import type { Finding, Problem } from './finding.ts'

/** A running server, and what it answered. */
export interface AskedInstance {
  readonly name: string
  readonly pid: number
  /** Why there is no status: it does not answer in time, or speaks the language of another release. */
  readonly trouble?: 'silent' | 'other-release'
  readonly status?: ManagerStatus
}

const EXPIRES_SOON_MS = 14 * 86_400_000
/** Nothing has to be done about these. */
const GOOD_HEALTH: readonly string[] = ['ok', 'starting', 'stopping']

/** What there is to say about running servers. @param nowMs milliseconds since the epoch */
export function instanceFindings(instances: readonly AskedInstance[], nowMs: number): Finding[] {
  return instances.flatMap((instance) => {
    const { name, status } = instance
    if (status === undefined) return [{ name: 'server', ...troubleFinding(instance) }]
    return [
      { name: 'server', value: `${name}: ${status.health}`, ...healthProblem(status) },
      ...configurationFindings(status),
      ...(status.certificates ?? []).map((each) => certificateFinding(each, nowMs)),
      ...status.background.map((each) => backgroundFinding(status, each)),
    ]
  })
}

function troubleFinding({ name, pid, trouble }: AskedInstance): Omit<Finding, 'name'> {
  if (trouble === 'other-release')
    return {
      value: `${name}: another release`,
      advice: `Process ${pid} runs another release of rip-server than this command.`,
      remedies: [`kill -USR2 ${pid}    # it goes on with the release that is installed, without a gap`],
    }
  return {
    value: `${name}: no answer`,
    advice: `Process ${pid} does not answer: it is stopped, or the machine has no time for it.`,
    remedies: [
      `kill -CONT ${pid}    # if it was stopped`,
      `kill -KILL ${pid}    # its supervisor starts another`,
    ],
  }
}

function healthProblem(status: ManagerStatus): Problem | undefined {
  const { name, health, healthReasons } = status
  const condemned = condemnedText(status)
  if (condemned !== undefined)
    return {
      advice: `${condemned}.`,
      remedies: [`rip-server reload --name ${name}    # once good code is on disk`],
    }
  if (GOOD_HEALTH.includes(health)) return undefined
  if (health === 'held')
    return { advice: `Reloads of ${name} are suspended.`, remedies: [`rip-server resume --name ${name}`] }
  const reasons = healthReasons.length === 0 ? '' : `: ${healthReasons.join('; ')}`
  return {
    advice: `${name} is not healthy${reasons}.`,
    remedies: [
      `rip-server status --routes --name ${name}    # what fails`,
      `rip-server logs -n 50 --name ${name}    # what it wrote`,
      `rip-server rollback --name ${name}    # if it began with a release`,
    ],
  }
}

/** Settings on disk that are not in force. */
function configurationFindings({ name, configuration }: ManagerStatus): Finding[] {
  const { pending = [] } = configuration ?? {}
  return pending.map((text) => {
    const [value = text, takes = ''] = text.split(' needs ')
    const remedy = takes === 'rip-server restart --manager' ? `${takes} --name ${name}` : takes
    return {
      name: 'configuration',
      value: `${name}: ${value}`,
      advice: `The configuration of ${name} on disk is not in force: ${value}.`,
      remedies: [remedy],
    }
  })
}

function certificateFinding(certificate: ServedCertificate, nowMs: number): Finding {
  const { file, expiresAtMs, problem } = certificate
  const found = { name: 'certificate', value: expiryText(certificate, nowMs) }
  if (problem !== null)
    return {
      name: 'certificate',
      value: `what is in ${file} is not used`,
      advice: `What is now in ${file} is not used: ${problem}. The certificate before serves on, and ${untilText(expiresAtMs, nowMs)}.`,
      remedies: [`openssl x509 -noout -subject -dates -in ${file}    # then put the right one there`],
    }
  if (expiresAtMs - nowMs >= EXPIRES_SOON_MS) return found
  return {
    ...found,
    advice: `Renew the certificate ${file}.`,
    remedies: [`cp RENEWED ${file}    # it is in use within a second, no restart`],
  }
}

function backgroundFinding(
  { name: instance }: ManagerStatus,
  { name, state, crashes }: BackgroundStatus,
): Finding {
  const finding = { name: 'in the background', value: `${name} of ${instance}: ${state}` }
  if (crashes === null || state === 'working') return finding
  return {
    ...finding,
    advice: `${name} of ${instance} ended ${crashes.count} times lately, the last time it ${exitReasonText(crashes.reason)}.`,
    remedies: [`rip-server logs --worker ${name} --name ${instance}    # what it wrote`],
  }
}
