/**
 * Ends processes that an application with an exported handler forked: they would report to the supervisor as this worker.
 * The first worker says so.
 */
export async function endForks(file: string, workerId = 1): Promise<void> {
  const { mentionsCluster } = await import('./main-guard.ts')
  if (!(await mentionsCluster(file))) return
  const { ClusterProcesses } = await import('./cluster-processes.ts')
  const forks = new ClusterProcesses()
  const { count } = forks
  if (count === 0) return
  forks.kill()
  if (workerId > 1) return
  const what = count === 1 ? '1 process' : `${count} processes`
  console.error(
    `warning: ${file} forks ${what} with node:cluster beside the handler it exports; they are ended: workers are processes already, as many as -w (--workers) says`,
  )
}
