import { initTRPC } from '@trpc/server'
import { createHTTPServer } from '@trpc/server/adapters/standalone'
import { z } from 'zod'

const t = initTRPC.create()
const router = t.router({
  hello: t.procedure.input(z.string().default('tRPC')).query(({ input }) => `Hello ${input}`),
})

createHTTPServer({ router }).listen(3000)
