import { HARDLY_GROWN_MS, LOW_DESCRIPTORS } from '../contract/defaults.ts'
import type { GenerationId } from '../contract/router.ts'
import type { Fleet, Worker } from './state.ts'

/** A worker said how many descriptors it can still open, if it knows. */
export function noteDescriptors(worker: Worker, free: number | undefined): void {
  if (worker.state === 'ready') worker.freshDescriptors ??= free
  const { freshDescriptors = Infinity } = worker
  const isLow = free !== undefined && free <= Math.min(LOW_DESCRIPTORS, freshDescriptors / 2)
  worker.samplesLowOnDescriptors = isLow ? worker.samplesLowOnDescriptors + 1 : 0
}

/**
 * Whether a worker can hardly open anything more, so that a fresh process would serve better. Few that are left may be
 * a spike; none is not waited for, because connections wait in vain. One that was started for the same reason gets some
 * time: its code would only take them all again.
 */
export function lacksDescriptors(fleet: Fleet, worker: Worker): boolean {
  const { vitals, samplesLowOnDescriptors, replacedFor, readyMs, group } = worker
  const isLasting =
    vitals.freeDescriptors === 0 || samplesLowOnDescriptors >= fleet.config.recycle.memorySamples
  if (samplesLowOnDescriptors === 0 || !isLasting) return false
  if (replacedFor !== 'descriptors' || fleet.nowMs - (readyMs ?? fleet.nowMs) >= HARDLY_GROWN_MS) return true
  warnOfLoop(fleet, group.generation.id)
  return false
}

function warnOfLoop(fleet: Fleet, generation: GenerationId): void {
  if (fleet.descriptorsToldFor === generation) return
  fleet.descriptorsToldFor = generation
  const message =
    'workers use up their file descriptors within a minute of their start, and are replaced once a minute: raise the limit (ulimit -n, LimitNOFILE), or find what stays open'
  fleet.effects.emit({ type: 'warning', message })
}
