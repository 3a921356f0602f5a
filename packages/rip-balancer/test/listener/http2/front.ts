import { OK, RawBackend, TestBalancer, answering, type Script } from '../../exchange/data-plane.ts'
import { FrameClient } from './frame-client.ts'

/** A client that speaks HTTP/2 to a balancer, with one backend behind it. */
export interface Front extends AsyncDisposable {
  readonly backend: RawBackend
  readonly balancer: TestBalancer
  readonly client: FrameClient
}

/** @param script of the backend. @default it answers each request */
export async function startFront(script: Script = answering(OK)): Promise<Front> {
  const backend = await RawBackend.start(script)
  const balancer = await TestBalancer.start([backend.path], { listener: { http2: true } })
  const client = await FrameClient.connect(balancer.port)
  return {
    backend,
    balancer,
    client,
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]()
      await balancer[Symbol.asyncDispose]()
      await backend[Symbol.asyncDispose]()
    },
  }
}
