import type { Invocation } from '../invocation.ts'
export async function start(_: Invocation): Promise<number> {
  return 1
}
export async function dev(_: Invocation): Promise<number> {
  return 1
}
