/** Rejects when the work has not settled in time. */
export async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  if (timeoutMs === Infinity) return work
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
  return await Promise.race([work, promise]).finally(() => clearTimeout(timer))
}
