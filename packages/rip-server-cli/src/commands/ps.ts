import { CliError } from '../errors.ts'
import { ExitCode } from '../exit-code.ts'
import { type BackgroundStatus, findInstances, instancesElsewhere } from '@rip/manager'
import { elsewhereLines } from '../instance/elsewhere-lines.ts'
import { connect } from '../instance/find-instance.ts'
import { type Invocation, isOn } from '../invocation.ts'
import { shortGeneration } from '../terminal/event-line.ts'
import { durationText } from '../terminal/quantity-text.ts'
import { table } from '../terminal/table.ts'

/** Prints every instance of this user. */
export async function ps(invocation: Invocation): Promise<number> {
  const { terminal, env } = invocation
  const found = findInstances(env)
  if (isOn(invocation, 'names')) {
    for (const { name } of found) terminal.data(name)
    return ExitCode.done
  }
  const asked = await Promise.allSettled(found.map(connect))
  const silent = found.filter((_, index) => isSilent(asked[index]!))
  for (const { name, pid } of silent)
    terminal.complain(`${terminal.bad('✗')} ${name}, process ${pid}, does not answer`)
  // An instance that stopped between the two calls is not listed.
  const instances = asked.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
  if (isOn(invocation, 'json')) {
    terminal.data(
      JSON.stringify(
        instances.map(({ instance, snapshot }) => ({ ...instance, ...snapshot })),
        null,
        2,
      ),
    )
    return ExitCode.done
  }
  if (found.length === 0) terminal.say('nothing is running')
  const elsewhere = elsewhereLines(instancesElsewhere(env))
  if (elsewhere.length > 0)
    terminal.say(
      [
        `${found.length === 0 ? 'But elsewhere' : 'Elsewhere'}:`,
        ...elsewhere.map((line) => `  ${line}`),
      ].join('\n'),
    )
  const rows = instances.map(({ instance, snapshot }) => [
    snapshot.name,
    String(snapshot.pid),
    snapshot.health,
    snapshot.wantedWorkers === 0 ? '-' : `${snapshot.readyWorkers}/${snapshot.wantedWorkers}`,
    backgroundCell(snapshot.background),
    shortGeneration(snapshot.generation),
    durationText(Date.now() - snapshot.startedAtMs),
    instance.url ?? '',
    snapshot.root,
  ])
  const head = ['name', 'pid', 'health', 'workers', 'background', 'code', 'up', 'url', 'app']
  if (rows.length > 0) for (const line of table([head, ...rows])) terminal.data(line)
  return ExitCode.done
}

/** How many work of those that should. */
function backgroundCell(background: readonly BackgroundStatus[]): string {
  if (background.length === 0) return '-'
  return `${background.filter(({ state }) => state === 'working').length}/${background.length}`
}

function isSilent(answer: PromiseSettledResult<unknown>): boolean {
  return (
    answer.status === 'rejected' && answer.reason instanceof CliError && answer.reason.code === 'TIMED_OUT'
  )
}
