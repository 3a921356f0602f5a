import * as balancer from '@rip/balancer'
import * as statusLine from '@rip/balancer/status-line'
import * as supervisor from '@rip/balancer/supervisor'
import * as text from '@rip/balancer/text'
import * as manager from '@rip/manager'
import * as schema from '@rip/schema'
import * as schemaRuntime from '@rip/schema/runtime'
import * as transpile from '@rip/transpile'
import * as worker from '@rip/worker'
import * as bus from '@rip/worker/bus'
import * as entry from '@rip/worker/entry'
import * as protocol from '@rip/worker/protocol'
import * as server from '@rip/server'
import * as settings from '@rip/server/settings'
import * as sources from '@rip/server/sources'
import * as program from 'rip-server'

export {
  balancer,
  bus,
  entry,
  manager,
  program,
  protocol,
  schema,
  schemaRuntime,
  server,
  settings,
  sources,
  statusLine,
  supervisor,
  text,
  transpile,
  worker,
}
