import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  linkSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { type Libc, openLibc, SystemCallError } from '../system/libc.ts'
import { isSameProcess, processStartTime } from '../system/start-time.ts'
import { openOwnFile } from './own-file.ts'

/** Held until it is released or this process ends, however it ends. */
export interface Lock {
  /** False once the file was removed: then another process may take a lock of the same name. */
  isInPlace(): boolean
  release(): void
}

/** The pid of a holder that is alive, as far as the file tells. */
export interface LockHolder {
  readonly holder: number | undefined
}

const LOCK_EX = 2
const LOCK_NB = 4

/** Takes the lock, or returns the process that has it. Never waits. */
export function takeLock(path: string, libc: Libc | null = openLibc() ?? null): Lock | LockHolder {
  return libc === null ? takeFileLock(path) : takeKernelLock(path, libc)
}

export function isLock(result: Lock | LockHolder): result is Lock {
  return 'release' in result
}

/** flock(2): the kernel releases it with the process. Children do not have the descriptor. */
function takeKernelLock(path: string, libc: Libc): Lock | LockHolder {
  for (;;) {
    const fd = openOwnFile(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT)
    if (!tryFlock(libc, fd)) {
      closeSync(fd)
      return { holder: readHolder(path) }
    }
    if (isStillAt(fd, path)) return holdKernelLock(path, fd)
    // The former holder removed the file between our opening and our locking it.
    closeSync(fd)
  }
}

function tryFlock(libc: Libc, fd: number): boolean {
  try {
    libc.flock(fd, LOCK_EX | LOCK_NB)
    return true
  } catch (error) {
    if (error instanceof SystemCallError && (error.code === 'EAGAIN' || error.code === 'EWOULDBLOCK'))
      return false
    throw error
  }
}

function isStillAt(fd: number, path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.ino === fstatSync(fd).ino
}

function holdKernelLock(path: string, fd: number): Lock {
  try {
    ftruncateSync(fd)
    writeSync(fd, holderText())
  } catch (error) {
    // ENOSPC: a lock that does not name its holder is none.
    closeSync(fd)
    throw error
  }
  return {
    isInPlace: () => isStillAt(fd, path),
    release() {
      if (isStillAt(fd, path)) rmSync(path, { force: true })
      closeSync(fd)
    },
  }
}

/**
 * Without the C library: a file that names its holder appears in one step (link(2) fails if the name
 * exists), and is taken over when no process of that pid and start time lives.
 */
function takeFileLock(path: string): Lock | LockHolder {
  const own = `${path}.${process.pid}-${crypto.randomUUID()}`
  writeFileSync(own, holderText(), { mode: 0o600, flag: 'wx' })
  try {
    while (!tryLink(own, path)) {
      const content = readContent(path)
      if (isHolderAlive(content)) return { holder: pidIn(content) }
      setAside(path, content)
    }
    return {
      isInPlace: () => readContent(path) === holderText(),
      release: () => rmSync(path, { force: true }),
    }
  } finally {
    rmSync(own, { force: true })
  }
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** Moves a dead holder's file away; if another process did so and took the lock meanwhile, its file is put back. */
function setAside(path: string, content: string): void {
  const aside = `${path}.${crypto.randomUUID()}`
  try {
    renameSync(path, aside)
  } catch {
    // ENOENT: another process was faster.
    return
  }
  if (readContent(aside) !== content) tryLink(aside, path)
  rmSync(aside, { force: true })
}

function holderText(): string {
  return `${process.pid} ${processStartTime(process.pid) ?? ''}\n`
}

/** For an instant after it took the lock, a holder has not written its name yet. */
function readHolder(path: string): number | undefined {
  return pidIn(readContent(path))
}

function readContent(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // ENOENT: released meanwhile.
    return ''
  }
}

function pidIn(content: string): number | undefined {
  const pid = Number.parseInt(content, 10)
  return Number.isSafeInteger(pid) ? pid : undefined
}

function isHolderAlive(content: string): boolean {
  const [pid = '', startTime] = content.trim().split(' ')
  return pid !== '' && isSameProcess(Number(pid), startTime)
}
