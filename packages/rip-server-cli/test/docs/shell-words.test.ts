import { expect, test } from 'bun:test'
import { ourCommand, problemsOf } from './command-problems.ts'
import { shellCommands, typedIn } from './shell-words.ts'
import { unitProblems } from './unit-file.ts'

test('commands of a shell are told apart, with quotes, comments, redirections and continued lines', () => {
  const text = `rip-server logs --json | jq '.a | .b' # talk | talk
if ! systemctl reload shop; then exit 1; fi >/dev/null 2>&1
setpriv --reuid shop \\
  rip-server start "$DIR/a b" --port 80 && echo $(date +%s)`
  expect(shellCommands(text)).toEqual([
    ['rip-server', 'logs', '--json'],
    ['jq', '.a | .b'],
    ['if', '!', 'systemctl', 'reload', 'shop'],
    ['then', 'exit', '1'],
    ['fi'],
    ['setpriv', '--reuid', 'shop', 'rip-server', 'start', '$DIR/a b', '--port', '80'],
    ['echo', '$(date +%s)'],
  ])
})

test('of a transcript, what was typed counts, and not what was printed', () => {
  const transcript =
    '$ rip-server ps\nnothing is running\n# rip-server start \\\n    --port 80\nrip-server: no\n'
  expect(shellCommands(typedIn(transcript))).toEqual([
    ['rip-server', 'ps'],
    ['rip-server', 'start', '--port', '80'],
  ])
})

test('a wrong command line of ours is found behind other programs, in either program and in a unit', () => {
  const problems = (line: string): readonly string[] => problemsOf(ourCommand(line.split(' '))!)
  expect(problems('sudo -u shop rip-server status --prot')).toEqual([
    expect.stringContaining('unknown option --prot'),
  ])
  expect(problems('npx -y -p rip-server rip-server stauts')).toEqual([expect.stringContaining('stauts')])
  expect(problems('rip-server start --drain-timeout 30')).toEqual(['--drain-timeout is not 30'])
  expect(problems('/usr/local/bin/rip-balancer --listen :80 --to nowhere')).toEqual([
    expect.stringContaining('nowhere'),
  ])
  expect(unitProblems('[Service]\nWatchdog=1\nExecStart=rip-server status --x\n')).toEqual([
    expect.stringContaining('Watchdog=1'),
    expect.stringContaining('absolute path'),
    expect.stringContaining('unknown option --x'),
  ])
})
