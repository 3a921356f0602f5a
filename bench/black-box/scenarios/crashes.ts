import type { BlackBoxScenario } from '../scenario.ts'

export const CRASHES: readonly BlackBoxScenario[] = []
