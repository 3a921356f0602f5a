import * as balancer from '@rip/balancer'
import * as manager from '@rip/manager'
import * as transpile from '@rip/transpile'
import * as worker from '@rip/worker'
import * as protocol from '@rip/worker/protocol'
import * as server from 'rip-server'

export { balancer, manager, protocol, server, transpile, worker }
