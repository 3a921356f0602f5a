import type { BlackBoxScenario } from '../scenario.ts'

export const WATCHING: readonly BlackBoxScenario[] = []
