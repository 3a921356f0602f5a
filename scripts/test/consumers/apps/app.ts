export default (_request: Request): Response => new Response('hello from app.ts')
