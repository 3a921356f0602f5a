import type { Backend, Router, RunDir, Verifier } from '@rip/manager'
import { messageOf } from '../message-of.ts'

/** Hands the socket on before the check, because a worker that is checked listens already. */
export function verifierHandedOn(verifier: Verifier, runDir: RunDir): Verifier {
  return {
    async verify(socket, options) {
      runDir.handOnSocket(socket)
      return await verifier.verify(socket, options)
    },
  }
}

/** A worker that has put anything other than its socket in the place gets no requests; the other workers get them. */
export function routerHandedOn(router: Router, runDir: RunDir, warn: (message: string) => void): Router {
  const told = new Set<string>()
  const isHandedOn = ({ socket }: Backend): boolean => {
    try {
      runDir.handOnSocket(socket)
      return true
    } catch (error) {
      if (!told.has(socket)) warn(messageOf(error))
      told.add(socket)
      return false
    }
  }
  return {
    prepare: (generation, backends) => router.prepare(generation, backends.filter(isHandedOn)),
    cut: (generation) => router.cut(generation),
    drain: (generation, options) => router.drain(generation, options),
  }
}
