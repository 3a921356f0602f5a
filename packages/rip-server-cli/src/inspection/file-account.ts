import { type ContentAccount, type ContentObstacle, RULE_ORIGINS } from '@rip/manager'
import { bytesText } from '../terminal/quantity-text.ts'

/** What is known of a file of an application. Paths in it are shown as they are. */
export interface FileAccount extends ContentAccount {
  readonly path: string
  readonly root: string
  /** From the entry to the file itself; absent when no code imports it, or that is not known. */
  readonly importedBy?: readonly string[]
  /** How many modules import it. */
  readonly importerCount?: number
  /** Why it is not known what imports it. */
  readonly importsUnknown?: string
  /** Absent when no server of the application runs. */
  readonly server?: { readonly name: string; readonly isWatching: boolean }
  /** What it is to the server, a sentence each. */
  readonly roles: readonly string[]
}

/** The account in rows of two columns. */
export function fileAccountRows(account: FileAccount): string[][] {
  const { importsUnknown, roles } = account
  return [
    ['file', `${account.path}${account.what === 'nothing' ? ': there is none' : ''}`],
    ['generation', generationText(account)],
    ...(account.obstacle !== undefined && !account.counts ? [['instead', remedyText(account.obstacle)]] : []),
    ...importRows(account),
    ...(importsUnknown === undefined ? [] : [['imported', `not known: ${importsUnknown}`]]),
    ...(account.what === 'folder' ? [] : [['a change', changeText(account)]]),
    ...roles.map((role) => ['also', role]),
  ]
}

function generationText(account: FileAccount): string {
  const { what, counts, obstacle, isImported, importedBy } = account
  const would = what === 'nothing'
  const yes = would ? 'would be part of it' : 'part of it'
  const no = would ? 'would be no part of it' : 'no part of it'
  const why = obstacle === undefined ? '' : obstacleText(obstacle, account)
  if (!counts) return `${no}: ${why}`
  if (what === 'folder') return 'a folder: each file in it counts for itself'
  if (obstacle !== undefined) return `${yes}: code imports it, although ${why}`
  const imported = isImported === true || importedBy !== undefined
  return `${yes}: it is in the folder of the application, ${imported ? 'and code imports it' : 'and nothing ignores it'}`
}

function obstacleText(obstacle: ContentObstacle, { root }: FileAccount): string {
  if (obstacle.kind === 'outside') return `it is outside of ${root}`
  if (obstacle.kind === 'written') return `the application was seen writing ${obstacle.path}`
  if (obstacle.kind === 'behind-link') return `${obstacle.path} is a link, and counts by where it leads`
  if (obstacle.kind === 'large')
    return `with ${bytesText(obstacle.bytes)} it is larger than ${bytesText(obstacle.maxBytes)}, as data is`
  return `${ruleText(obstacle)} ignores ${obstacle.path}`
}

function ruleText({ rule, from }: Extract<ContentObstacle, { kind: 'ignored' }>): string {
  const isOwn = from === RULE_ORIGINS.program || from === RULE_ORIGINS.server
  return isOwn ? `the rule ${JSON.stringify(rule)} of ${from}` : `${JSON.stringify(rule)} in ${from}`
}

/** How it could become content. */
function remedyText(obstacle: ContentObstacle): string {
  if (obstacle.kind === 'written')
    return 'its changes count again after "rip-server restart --manager"; better move what is written elsewhere'
  if (obstacle.kind === 'ignored' && obstacle.from.endsWith('.gitignore'))
    return `import it from code, or change ${obstacle.from}`
  if (obstacle.kind === 'ignored' && obstacle.from === RULE_ORIGINS.server)
    return 'files of another mode, and of the server itself, make no difference'
  return 'import it from code: what code imports counts wherever it is'
}

function importRows({ importedBy, importerCount = 0, what, importsUnknown }: FileAccount): string[][] {
  if (importsUnknown !== undefined || what !== 'file') return []
  if (importedBy === undefined) return [['imported', 'by no module that is loaded']]
  if (importedBy.length === 1) return [['imported', 'it is what the application begins with']]
  const others = importerCount - 1
  const more =
    others < 1 ? '' : `; ${others === 1 ? '1 other module imports' : `${others} other modules import`} it`
  return [['imported', importedBy.join(' → ') + more]]
}

function changeText({ path, counts, server }: FileAccount): string {
  if (!counts) return 'reloads nothing, and changes nothing that runs'
  if (server === undefined)
    return 'reloads in development; in production "rip-server reload" takes it up, or --hotfix watches'
  if (server.isWatching && path.includes('node_modules/'))
    return `reloads ${server.name}, which looks at packages every few seconds`
  if (server.isWatching) return `reloads ${server.name}, which watches its files`
  return `"rip-server reload" takes it up; ${server.name} watches no files (--hotfix)`
}
