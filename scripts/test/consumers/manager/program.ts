// A program that knows nothing of its manager except the socket it has to listen on.
Bun.serve({ unix: process.env['RIP_SOCKET'] ?? '', fetch: () => new Response(String(process.pid)) })
