const Koa = require('koa')
const path = require('path')
const serve = require('koa-static')

const app = new Koa()
app.use(serve(path.join(__dirname, 'public')))
app.use(async (ctx) => {
  if (ctx.path === '/') ctx.body = 'Hello Koa'
})
app.listen(process.env.PORT || 3000)
