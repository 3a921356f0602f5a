import type { BlackBoxScenario } from '../scenario.ts'

export const LIMITS: readonly BlackBoxScenario[] = []
