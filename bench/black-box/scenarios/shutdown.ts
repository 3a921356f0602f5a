import type { BlackBoxScenario } from '../scenario.ts'

export const SHUTDOWN: readonly BlackBoxScenario[] = []
