import { join } from 'node:path'
import { readInstance } from '@rip/manager'
import { type LogFormat, settingSpecs, Unacceptable } from '@rip/server/settings'
import { FORMER_LOG_NAME, LOG_NAME, logLine, readRecord } from '@rip/server/text'
import { ExitCode } from '../exit-code.ts'
import { findInstance } from '../instance/find-instance.ts'
import { CliError } from '../errors.ts'
import { flagValue, type Invocation, isOn } from '../invocation.ts'
import { endWithReader } from '../terminal/end-with-reader.ts'
import { FollowedFile } from '../terminal/followed-file.ts'

/** How often the log is read for new lines. */
const POLL_MS = 100

/** Prints the recent output of the workers and, unless told otherwise, follows it until the instance has gone. */
export async function logs(invocation: Invocation): Promise<number> {
  const print = printer(invocation)
  const { instance } = await findInstance(invocation, invocation.line.words[0])
  endWithReader()
  const follows = !isOn(invocation, 'no-follow')
  const path = join(instance.runDir, LOG_NAME)
  await using log = new FollowedFile(path, join(instance.runDir, FORMER_LOG_NAME))
  for (;;) {
    const isGone = readInstance(instance.runDir) === undefined
    const bytes = await log.more()
    if (bytes.byteLength > 0) await print(bytes)
    else if (isGone || !follows) return ExitCode.done
    else await Bun.sleep(POLL_MS)
  }
}

/** Takes bytes of the log as they arrive and prints a line for each record. */
function printer(invocation: Invocation): (bytes: Uint8Array) => Promise<void> {
  const format = formatOf(invocation)
  const colored = format === 'text' && invocation.terminal.colorsData
  const decoder = new TextDecoder()
  let rest = ''
  return async (bytes) => {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    const printed = lines.map((line) => `${lineOf(line, format, colored)}\n`).join('')
    // Waits, because a pager reads slowly.
    if (printed !== '') await new Promise((resolve) => process.stdout.write(printed, resolve))
  }
}

function lineOf(line: string, format: LogFormat, colored: boolean): string {
  const record = readRecord(line)
  if (record !== undefined) return logLine(record, format, colored)
  return format === 'json' ? JSON.stringify({ message: line }) : line
}

/** @throws CliError `USAGE` */
function formatOf(invocation: Invocation): LogFormat {
  const text = flagValue(invocation, 'log-format') ?? (isOn(invocation, 'json') ? 'json' : 'text')
  try {
    const format = settingSpecs.logFormat.parse(text) ?? 'text'
    if (!isOn(invocation, 'json') || format === 'json') return format
    throw new Unacceptable('json, as --json was given')
  } catch (error) {
    if (!(error instanceof Unacceptable)) throw error
    const problem = `--log-format: expected ${error.message}, got ${JSON.stringify(text)}`
    throw new CliError('USAGE', { problems: [problem], help: 'rip-server logs --help' })
  }
}
