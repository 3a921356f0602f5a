import type { BlackBoxScenario } from '../scenario.ts'

export const INSTANCES: readonly BlackBoxScenario[] = []
