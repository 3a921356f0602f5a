import { createServer } from 'node:http'
import { createSchema, createYoga } from 'graphql-yoga'

const yoga = createYoga({
  schema: createSchema({
    typeDefs: 'type Query { hello: String }',
    resolvers: { Query: { hello: () => 'Hello Yoga' } },
  }),
})

createServer(yoga).listen(4000, () => console.log('Server is running on http://localhost:4000/graphql'))
