import type { Refusal } from '@rip/manager'
import { nearPath } from './near-path.ts'

/**
 * The reason with its position, if it is known and not said already.
 *
 * @param cwd folder of the reader: a file inside of it is named by its relative path
 */
export function refusalMessage({ message, failure }: Refusal, cwd: string = process.cwd()): string {
  if (failure?.file === undefined) return message
  const { file, line, column } = failure
  const near = nearPath(file, cwd)
  const position = [near, line, column].filter((part) => part !== undefined).join(':')
  if (!message.includes(file)) return `${position}: ${message}`
  return message.includes(`${file}:`) ? message.replaceAll(file, near) : message.replace(file, position)
}

/** The detail that shows the cause: the code frame, or the last output of the candidate. */
export function refusalDetail({ failure, stderr }: Refusal): string {
  return failure?.frame ?? failure?.stack ?? stderr?.trimEnd() ?? ''
}
