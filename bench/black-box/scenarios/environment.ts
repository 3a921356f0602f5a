import type { BlackBoxScenario } from '../scenario.ts'

export const ENVIRONMENT: readonly BlackBoxScenario[] = []
