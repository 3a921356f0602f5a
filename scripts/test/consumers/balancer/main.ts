// Two backends behind the balancer: four requests, two for each.
import { balance } from '@rip/balancer'

const backends = ['a', 'b'].map((name) =>
  Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response(name) }),
)
await using balancer = await balance({ listen: '127.0.0.1:0', to: backends.map(({ url }) => url.host) })

const seen: string[] = []
for (let n = 0; n < 4; n++) seen.push(await (await fetch(balancer.url)).text())
await Promise.all(backends.map((backend) => backend.stop(true)))
console.log(seen.toSorted().join('') === 'aabb' ? 'ok' : `answers came from ${seen.join()}`)
