import { connect } from 'node:net'
import type { BackendAddress } from './claim.ts'

/** @returns whether somebody accepts a connection there in time */
export type Reach = (address: BackendAddress, timeoutMs: number) => Promise<boolean>

/** Whether somebody accepts a connection there in time; nothing is sent. */
export function reach(address: BackendAddress, timeoutMs: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(address.kind === 'unix' ? { path: address.path } : { ...address })
  const timer = setTimeout(() => resolve(false), timeoutMs)
  socket.once('connect', () => resolve(true))
  socket.once('error', () => resolve(false))
  return promise.finally(() => {
    clearTimeout(timer)
    socket.destroy()
  })
}
