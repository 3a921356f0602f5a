import { randomUUID } from 'node:crypto'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js'
import express from 'express'
import { z } from 'zod'

const app = express()
app.use(express.json())
app.get('/', (req, res) => res.send('Hello MCP'))

/** Sessions live in this process. */
const transports = {}

async function connect() {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => (transports[id] = transport),
  })
  const server = new McpServer({ name: 'example', version: '1.0.0' })
  server.registerTool('echo', { inputSchema: { text: z.string() } }, async ({ text }) => ({
    content: [{ type: 'text', text: `echo ${text}` }],
  }))
  await server.connect(transport)
  return transport
}

app.all('/mcp', async (req, res) => {
  const known = transports[req.headers['mcp-session-id']]
  const transport = known ?? (isInitializeRequest(req.body) ? await connect() : undefined)
  if (!transport) return res.status(400).send('Bad Request: no valid session')
  await transport.handleRequest(req, res, req.body)
})

app.listen(3000)
