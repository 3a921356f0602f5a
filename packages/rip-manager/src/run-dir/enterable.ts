import { lstatSync, type Stats } from 'node:fs'
import { dirname } from 'node:path'
import type { Account } from '../contract/account.ts'
import { nearestFolder } from './nearest-folder.ts'

/** The first folder on the way to a path, itself included, that one of these cannot enter; missing ones are passed over. */
export function closedFolder(path: string, accounts: readonly Account[]): string | undefined {
  return folders(path).find((folder) => {
    const status = lstatSync(folder)
    return !accounts.every((account) => mayEnter(status, account))
  })
}

/** What the mode says; lists of access rights beside it are not looked at. */
function mayEnter({ uid, gid, mode }: Stats, account: Account): boolean {
  if (account.uid === 0) return true
  if (account.uid === uid) return (mode & 0o100) !== 0
  return (mode & (account.gid === gid ? 0o010 : 0o001)) !== 0
}

function folders(path: string): readonly string[] {
  const existing = nearestFolder(path)
  const parent = dirname(existing)
  return parent === existing ? [existing] : [...folders(parent), existing]
}
