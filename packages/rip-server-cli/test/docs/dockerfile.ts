import { ourCommand, problemsOf } from './command-problems.ts'
import { shellCommands, type Words } from './shell-words.ts'

const INSTRUCTIONS = [
  'FROM',
  'WORKDIR',
  'COPY',
  'RUN',
  'USER',
  'EXPOSE',
  'ENV',
  'VOLUME',
  'HEALTHCHECK',
  'ENTRYPOINT',
  'CMD',
]

/** What is wrong in a Dockerfile: instructions that do not exist, and command lines of ours that are refused. */
export function dockerfileProblems(text: string): readonly string[] {
  const lines = text.replaceAll('\\\n', ' ').split('\n')
  return lines.flatMap((line) => {
    if (line === '' || line.startsWith('#')) return []
    const [, name = '', rest = ''] = /^(\w+) +(.*)$/.exec(line) ?? []
    if (!INSTRUCTIONS.includes(name)) return [`there is no instruction ${line}`]
    return commandsOf(rest).flatMap((words) => {
      const command = ourCommand(words)
      return command === undefined ? [] : problemsOf(command)
    })
  })
}

/** `["program", "word"]`, or words for a shell, perhaps behind options of the instruction. */
function commandsOf(text: string): readonly Words[] {
  const [, list] = /(?:^|CMD )(\[.*\])$/.exec(text) ?? []
  return list === undefined ? shellCommands(text.replace(/^.*\bCMD /, '')) : [JSON.parse(list) as Words]
}
