/** What is tried with one project. */
export interface Row {
  /** Its folder in `projects`. */
  readonly project: string
  readonly name: string
  /** The package whose version is told, as it is pinned there. */
  readonly needs?: string
  /** Arguments after `rip-server`. @default none */
  readonly args?: readonly string[]
  /** Whether it has a script `build`. @default false */
  readonly isBuilt?: true
  /** @default '/' */
  readonly page?: string
  /** What the page contains; nothing for a project that serves none, and only works in the background. */
  readonly text?: string
  /** A file that is served; `script` takes the first script of the page. */
  readonly file?: string
  /** The file to which a comment is appended before the reload. */
  readonly edited: string
  /** How its sockets are tried. */
  readonly sockets?: 'echo' | 'socket.io' | 'mcp'
}

const FILE = '/hello.txt'
const built = { isBuilt: true } as const

/** 31 kinds of applications, as their creators or documentation have them. */
export const ROWS: readonly Row[] = [
  {
    project: 'hono',
    needs: 'hono',
    name: 'Hono',
    text: 'Hello Hono',
    file: FILE,
    edited: 'src/index.ts',
    sockets: 'echo',
  },
  {
    project: 'elysia',
    needs: 'elysia',
    name: 'Elysia',
    text: 'Hello Elysia',
    file: FILE,
    edited: 'src/index.ts',
    sockets: 'echo',
  },
  { project: 'h3', needs: 'h3', name: 'H3', text: 'Hello H3', file: FILE, edited: 'server.mjs' },
  {
    project: 'nitro-2',
    needs: 'nitropack',
    name: 'Nitro 2',
    text: 'Hello Nitro 2',
    file: FILE,
    edited: '.output/server/index.mjs',
    sockets: 'echo',
    ...built,
  },
  {
    project: 'nitro-3',
    needs: 'nitro',
    name: 'Nitro 3',
    text: 'Hello Nitro 3',
    file: FILE,
    edited: '.output/server/index.mjs',
    ...built,
  },
  {
    project: 'express-4',
    needs: 'express',
    name: 'Express 4, generator',
    text: 'Hello Express 4',
    file: FILE,
    edited: 'app.js',
  },
  {
    project: 'express-5',
    needs: 'express',
    name: 'Express 5, ESM',
    text: 'Hello Express 5',
    file: FILE,
    edited: 'app.js',
  },
  { project: 'fastify', needs: 'fastify', name: 'Fastify', text: 'Fastify', file: FILE, edited: 'server.js' },
  { project: 'koa', needs: 'koa', name: 'Koa', text: 'Hello Koa', file: FILE, edited: 'app.js' },
  {
    project: 'nest',
    needs: '@nestjs/core',
    name: 'NestJS',
    text: 'Hello Nest',
    file: FILE,
    edited: 'src/main.ts',
    ...built,
  },
  {
    project: 'next',
    needs: 'next',
    name: 'Next.js',
    text: 'Hello Next',
    file: 'script',
    edited: 'next.config.mjs',
    ...built,
  },
  {
    project: 'next-standalone',
    needs: 'next',
    name: 'Next.js, standalone',
    text: 'Hello Next',
    file: 'script',
    edited: '.next/standalone/server.js',
    ...built,
  },
  {
    project: 'nuxt',
    needs: 'nuxt',
    name: 'Nuxt',
    text: 'Hello Nuxt',
    file: 'script',
    edited: '.output/server/index.mjs',
    ...built,
  },
  {
    project: 'astro-standalone',
    needs: 'astro',
    name: 'Astro, standalone',
    text: 'Hello Astro',
    file: FILE,
    edited: 'dist/server/entry.mjs',
    ...built,
  },
  {
    project: 'astro-middleware',
    needs: 'astro',
    name: 'Astro, middleware',
    text: 'Hello Astro',
    file: FILE,
    edited: 'dist/server/entry.mjs',
    ...built,
  },
  {
    project: 'sveltekit-node',
    needs: '@sveltejs/kit',
    name: 'SvelteKit, adapter-node',
    text: 'Hello SvelteKit',
    file: FILE,
    edited: 'build/index.js',
    ...built,
  },
  {
    project: 'sveltekit-bun',
    needs: '@sveltejs/kit',
    name: 'SvelteKit, svelte-adapter-bun',
    text: 'Hello SvelteKit',
    file: FILE,
    edited: 'build/index.js',
    ...built,
  },
  {
    project: 'react-router',
    needs: 'react-router',
    name: 'React Router, framework mode',
    text: 'Hello React Router',
    file: 'script',
    edited: 'build/server/index.js',
    ...built,
  },
  {
    project: 'tanstack-start',
    needs: '@tanstack/react-start',
    name: 'TanStack Start',
    text: 'Hello TanStack',
    file: FILE,
    edited: 'dist/server/server.js',
    ...built,
  },
  {
    project: 'solid-start',
    needs: '@solidjs/start',
    name: 'SolidStart',
    text: 'Hello SolidStart',
    file: FILE,
    edited: '.output/server/index.mjs',
    ...built,
  },
  {
    project: 'qwik',
    needs: '@builder.io/qwik-city',
    name: 'Qwik City, node-server',
    text: 'Hello Qwik',
    file: FILE,
    edited: 'server/entry.node-server.js',
    ...built,
  },
  {
    project: 'vite-spa',
    needs: 'vite',
    name: 'Vite, single page',
    text: 'Hello Vite',
    file: 'script',
    edited: 'dist/index.html',
    ...built,
  },
  {
    project: 'bun-serve',
    name: 'Bun.serve, routes and sockets',
    text: 'Hello Bun',
    file: FILE,
    edited: 'index.ts',
    sockets: 'echo',
  },
  {
    project: 'bun-fullstack',
    name: 'Bun, HTML imports and React',
    text: 'Hello Bun + React',
    file: 'script',
    edited: 'src/index.ts',
  },
  {
    project: 'fetch-export',
    name: 'export default { fetch }',
    text: 'Hello fetch',
    file: FILE,
    edited: 'main.ts',
  },
  {
    project: 'yoga',
    needs: 'graphql-yoga',
    name: 'GraphQL Yoga',
    page: '/graphql?query=%7Bhello%7D',
    text: 'Hello Yoga',
    edited: 'index.js',
  },
  {
    project: 'trpc',
    needs: '@trpc/server',
    name: 'tRPC, standalone',
    page: '/hello',
    text: 'Hello tRPC',
    edited: 'server.js',
  },
  {
    project: 'socket-io',
    needs: 'socket.io',
    name: 'Socket.IO',
    text: 'Hello Socket.IO',
    file: FILE,
    edited: 'index.js',
    sockets: 'socket.io',
  },
  {
    project: 'ws',
    needs: 'ws',
    name: 'ws on http.Server',
    text: 'Hello ws',
    file: FILE,
    edited: 'server.js',
    sockets: 'echo',
  },
  {
    project: 'mcp',
    needs: '@modelcontextprotocol/sdk',
    name: 'MCP, streamable HTTP with sessions',
    text: 'Hello MCP',
    edited: 'server.js',
    sockets: 'mcp',
  },
  {
    project: 'poller',
    name: 'a poller without HTTP',
    args: ['--background', 'poller.ts'],
    edited: 'poller.ts',
  },
]
