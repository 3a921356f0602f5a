import { closeSync } from 'node:fs'
import { ManagerError, noRouter } from '@rip/manager'
import type { Inheritance } from '../instance/succession.ts'
import type { Front } from './front.ts'

/** For an application that answers no requests. */
export function noFront(inherited: Inheritance | undefined): Front {
  // The predecessor answered requests. Clients are refused, not kept waiting, once it has gone.
  for (const fd of inherited?.listenFds ?? []) closeSync(fd)
  return {
    router: noRouter,
    // What works in the background is observed by its crashes alone.
    observer: { read: async () => ({ requests: 0, errors: 0 }) },
    traffic: async () => undefined,
    requests: async () => undefined,
    metrics: async () => '',
    services: [],
    address: undefined,
    otherUrls: [],
    sockets: [],
    stopAccepting: async () => {},
    join: async ({ pid }) => {
      const reason = 'the application answers no requests, it only works in the background'
      throw new ManagerError('BALANCER_REFUSED', { pid, reason })
    },
    joined: () => [],
    inherit: () => {},
    configure: async () => {},
  }
}
