import { createServer } from 'node:http'
import { createQwikCity } from '@builder.io/qwik-city/middleware/node'
import qwikCityPlan from '@qwik-city-plan'
import render from './entry.ssr'

const PORT = process.env.PORT ?? 3004
const { router, notFound, staticFile } = createQwikCity({ render, qwikCityPlan })

const server = createServer()
server.on('request', (req, res) => {
  staticFile(req, res, () => {
    router(req, res, () => {
      notFound(req, res, () => {})
    })
  })
})
server.listen(PORT, () => console.log(`Node server listening on http://localhost:${PORT}`))
