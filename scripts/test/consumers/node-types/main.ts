import * as balancer from '@rip/balancer'
import * as supervisor from '@rip/balancer/supervisor'
import * as manager from '@rip/manager'
import * as schema from '@rip/schema'
import * as schemaRuntime from '@rip/schema/runtime'
import * as transpile from '@rip/transpile'
import * as worker from '@rip/worker'
import * as entry from '@rip/worker/entry'
import * as protocol from '@rip/worker/protocol'
import * as server from 'rip-server'

export { balancer, entry, manager, protocol, schema, schemaRuntime, server, supervisor, transpile, worker }
