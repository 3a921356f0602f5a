import { ROUTING_ATTEMPTS, ROUTING_RETRY_CAP_MS, ROUTING_RETRY_MS } from '../contract/defaults.ts'
import type { Backend, GenerationId } from '../contract/router.ts'
import { commit, refuse } from './rollout.ts'
import type { Group, Pool, Routing, Worker } from './state.ts'
import { readyWorkers } from './worker.ts'

type Move = { readonly op: 'prepare' | 'cut'; readonly group: Group }

export function newRouting(): Routing {
  return {
    online: false,
    cut: null,
    published: new Map(),
    uncertain: new Set(),
    pending: null,
    failures: 0,
    retryMs: 0,
  }
}

/** Tells the router one thing at a time until it routes what the pool is. */
export function route(pool: Pool): void {
  const { routing, effects } = pool
  if (!routing.online || routing.pending !== null || pool.nowMs < routing.retryMs) return
  const move = nextMove(pool)
  if (move === undefined) return
  const generation = move.group.generation.id
  const backends = move.op === 'prepare' ? backendsOf(pool, move.group) : []
  const token = pool.nextToken++
  routing.pending = { token, op: move.op, generation, ids: new Set(backends.map(({ id }) => id)) }
  if (move.op === 'prepare') effects.prepare(token, generation, backends)
  else effects.cut(token, generation)
}

function nextMove(pool: Pool): Move | undefined {
  const { routing, serving, rollout, phase } = pool
  if (phase === 'stopping' || phase === 'stopped') return undefined
  if (serving !== null && isOutdated(routing, serving)) return { op: 'prepare', group: serving }
  if (serving !== null && routing.cut !== serving.generation.id) return { op: 'cut', group: serving }
  if (rollout?.stage !== 'routing' || rollout.group === null) return emptyingMove(pool)
  return { op: isOutdated(routing, rollout.group) ? 'prepare' : 'cut', group: rollout.group }
}

/** With nothing to switch back to, a generation that may have been switched to by mistake is emptied. */
function emptyingMove({ routing, serving, groups }: Pool): Move | undefined {
  if (serving !== null) return undefined
  for (const group of groups) {
    if (group.role === 'retiring' && group.served && isOutdated(routing, group))
      return { op: 'prepare', group }
  }
  return undefined
}

function isOutdated({ published, uncertain }: Routing, group: Group): boolean {
  const { id } = group.generation
  const known = published.get(id)
  if (known === undefined || uncertain.has(id)) return true
  const ready = readyWorkers(group)
  return known.size !== ready.length || ready.some((worker) => !known.has(worker.id))
}

function backendsOf({ config }: Pool, group: Group): readonly Backend[] {
  return readyWorkers(group).map(({ id, socket }) => ({ id, socket, maxInFlight: config.concurrency }))
}

/** The switch to the rollout's generation has been ordered and can no longer be taken back. */
export function isCutting({ routing, rollout }: Pool): boolean {
  return routing.pending?.op === 'cut' && routing.pending.generation === rollout?.generationId
}

export function onRouted(pool: Pool, token: number, error: Error | undefined): void {
  const { routing } = pool
  const { pending } = routing
  if (pending?.token !== token) return
  routing.pending = null
  if (error !== undefined) return onRoutingFailure(pool, pending, error)
  routing.failures = 0
  if (pending.op === 'prepare') {
    if (hasGroup(pool, pending.generation)) routing.published.set(pending.generation, pending.ids)
    routing.uncertain.delete(pending.generation)
    return
  }
  routing.cut = pending.generation
  if (pool.rollout?.generationId === pending.generation) commit(pool)
}

/** False when everybody of the generation has gone while the router was following. */
function hasGroup({ groups }: Pool, generation: GenerationId): boolean {
  for (const group of groups) if (group.generation.id === generation) return true
  return false
}

/** The order may have been followed or not: what the router knows is uncertain until it is told again. */
function onRoutingFailure(pool: Pool, pending: NonNullable<Routing['pending']>, error: Error): void {
  const { routing, rollout } = pool
  if (hasGroup(pool, pending.generation)) {
    const known = routing.published.get(pending.generation) ?? []
    routing.published.set(pending.generation, new Set([...known, ...pending.ids]))
    routing.uncertain.add(pending.generation)
  }
  if (pending.op === 'cut') routing.cut = null
  if (routing.failures === 0) {
    pool.effects.emit({ type: 'warning', message: `the balancer did not follow: ${error.message}` })
  }
  routing.retryMs = pool.nowMs + Math.min(ROUTING_RETRY_CAP_MS, ROUTING_RETRY_MS * 2 ** routing.failures)
  routing.failures += 1
  if (rollout?.generationId !== pending.generation) return
  rollout.routingFailures += 1
  if (rollout.routingFailures >= ROUTING_ATTEMPTS) {
    refuse(pool, 'routing-failed', { message: `the balancer cannot route to it: ${error.message}` })
  }
}

/** The router is new and knows nothing, or is gone. */
export function onServices(pool: Pool, online: boolean): void {
  pool.routing.online = online
  pool.routing.pending = null
  pool.routing.cut = null
  pool.routing.published.clear()
  pool.routing.uncertain.clear()
  pool.routing.failures = 0
  pool.routing.retryMs = 0
}

/** No new request can reach the worker: the router has acknowledged so, or has never known it. */
export function isOutOfRotation(pool: Pool, worker: Worker): boolean {
  const { group, id } = worker
  if (pool.phase === 'stopping') return pool.acceptingStopped
  if (group.role === 'serving') return !mayKnow(pool.routing, group.generation.id, id)
  return (
    (isCutAway(pool.routing, group) && !mayBeDrawn(pool, group)) ||
    !mayKnow(pool.routing, group.generation.id, id)
  )
}

/** The router gives it some requests, though it serves no more. */
function mayBeDrawn({ routing, nowMs }: Pool, { drawnUntilMs, routerDone }: Group): boolean {
  return routing.online && !routerDone && nowMs < drawnUntilMs
}

/** The router sends requests elsewhere, or there is none. */
function isCutAway({ online, cut, pending }: Routing, { generation }: Group): boolean {
  if (!online) return true
  if (pending?.op === 'cut' && pending.generation === generation.id) return false
  return cut !== null && cut !== generation.id
}

function mayKnow({ published, uncertain, pending }: Routing, generation: GenerationId, id: string): boolean {
  if (uncertain.has(generation) || published.get(generation)?.has(id) === true) return true
  return pending?.generation === generation && pending.ids.has(id)
}
