// The application: a function from a request to a response. Save this file, and watch the page change.

export default (request: Request): Response => {
  const { pathname, searchParams } = new URL(request.url)
  if (pathname === '/') return page(searchParams.get('name') ?? 'world')
  // rip-server.config.ts names this path: new code has to answer it before it serves.
  if (pathname === '/up') return new Response('up\n')
  return new Response('There is nothing here.\n', { status: 404 })
}

function page(name: string): Response {
  const html = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>Hello</title>
  </head>
  <body>
    <h1>Hello, ${Bun.escapeHTML(name)}</h1>
    <p>Worker ${process.env['RIP_WORKER_ID'] ?? 'none'} answered. Load the page again, and another one may.</p>
    <form>What is your name? <input name="name"></form>
  </body>
</html>
`
  return new Response(html, { headers: { 'content-type': 'text/html; charset=utf-8' } })
}
