/** A process that takes HTTP/2 on the Unix socket it is named, answers `/` and nothing else, and says how many requests it has begun. */
let begun = 0
const options: object = {
  unix: process.argv[2],
  http2: true,
  idleTimeout: 0,
  fetch(request: Request): Response | Promise<Response> {
    if (new URL(request.url).pathname === '/') return new Response(String(begun))
    begun++
    return Promise.withResolvers<Response>().promise
  },
}
Bun.serve(options as Bun.Serve.Options<undefined>)
process.stdout.write('ready\n')
