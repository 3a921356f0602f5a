import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import Fastify from 'fastify'

const fastify = Fastify({ logger: { level: 'warn' } })

fastify.register(fastifyStatic, { root: join(import.meta.dirname, 'public') })
fastify.get('/', async () => ({ hello: 'Fastify' }))

try {
  await fastify.listen({ port: 3000 })
} catch (err) {
  fastify.log.error(err)
  process.exit(1)
}
