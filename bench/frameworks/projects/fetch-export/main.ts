export default {
  fetch(request: Request) {
    const { pathname } = new URL(request.url)
    if (pathname === '/') return new Response('Hello fetch')
    if (pathname === '/hello.txt') return new Response(Bun.file('public/hello.txt'))
    return new Response('Not Found', { status: 404 })
  },
}
