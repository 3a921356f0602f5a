import { createVerifier, type Verifier } from '@rip/manager'
import type { LiveConfiguration } from './live-configuration.ts'

/** Checks candidates as the settings they are tried with say, because the path of the check may have changed. */
export function settingsVerifier(configuration: LiveConfiguration): Verifier {
  return {
    async verify(socket, options) {
      const { health: path, healthHost: host } = configuration.tried
      if (path === undefined) return undefined
      return createVerifier({ path, ...(host !== undefined && { host }) }).verify(socket, options)
    },
  }
}
