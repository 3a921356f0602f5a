import type { Stage } from './stage.ts'

const READ_MS = 2_500

/** What the recording shows: a request, a save, a save that is broken and repaired, and a save under load. */
export async function play({ type, shows }: Stage, port: number): Promise<void> {
  const origin = `localhost:${port}`
  await type('upper', port === 3000 ? 'rip-server dev' : `rip-server dev ${port}`)
  await shows('upper', 'r reload', READ_MS)
  await type('lower', `curl ${origin}/reader`)
  await shows('lower', 'hello, reader')
  await type('lower', 'sed -i s/hello/welcome/ greeting.rip')
  await shows('upper', /✓ greeting\.rip → /, READ_MS)
  await type('lower', `sed -i 's/"$//' greeting.rip    # a mistake`)
  await shows('upper', /✗ .* refused/, READ_MS)
  await type('lower', `curl ${origin}/reader    # what works goes on serving`)
  await shows('lower', 'welcome, reader', READ_MS)
  await type('lower', `sed -i 's/$/"/' greeting.rip`)
  await shows('upper', /again, which serves/, READ_MS)
  await type('lower', `load 4s ${origin}/you & sleep 2; sed -i s/welcome/goodbye/ greeting.rip; wait`)
  await shows('lower', /\d failed/, READ_MS)
}
