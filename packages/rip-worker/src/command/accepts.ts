import { connect } from 'node:net'

/** Whether something accepts a connection there at this moment. */
export async function accepts(
  address: { readonly path: string } | { readonly port: number; readonly host: string },
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const connection = connect(address)
  connection.once('connect', () => resolve(true))
  connection.once('error', () => resolve(false))
  const accepted = await promise
  connection.destroy()
  return accepted
}
