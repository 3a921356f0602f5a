/** A package registry in memory, on the loopback interface: enough of the npm protocol to publish and install. */
export interface Registry extends AsyncDisposable {
  readonly url: string
  /** `name@version` of everything published, in order. */
  readonly published: readonly string[]
}

interface PackageDocument {
  name: string
  'dist-tags': Record<string, string>
  versions: Record<string, { dist: { tarball: string } }>
}

interface PublishBody extends PackageDocument {
  readonly _attachments: Record<string, { readonly data: string }>
}

/**
 * Starts a registry on a free port. Names that `owned` accepts exist only here; requests for all others go to
 * `upstream`, so that an empty folder can also install third-party dependencies.
 */
export function startRegistry(owned: (name: string) => boolean, upstream: string): Registry {
  const documents = new Map<string, PackageDocument>()
  const tarballs = new Map<string, Uint8Array<ArrayBuffer>>()
  const published: string[] = []

  const publish = async (name: string, request: Request): Promise<Response> => {
    const body = (await request.json()) as PublishBody
    const document = documents.get(name) ?? { name, 'dist-tags': {}, versions: {} }
    for (const [file, { data }] of Object.entries(body._attachments)) {
      tarballs.set(`/${name}/-/${file}`, Uint8Array.from(Buffer.from(data, 'base64')))
    }
    for (const [version, manifest] of Object.entries(body.versions)) {
      if (document.versions[version] !== undefined) return Response.json({ error: 'exists' }, { status: 409 })
      const file = Object.keys(body._attachments)[0]
      manifest.dist.tarball = new URL(`/${name}/-/${file}`, server.url).href
      document.versions[version] = manifest
      published.push(`${name}@${version}`)
    }
    Object.assign(document['dist-tags'], body['dist-tags'])
    documents.set(name, document)
    return Response.json({ ok: true }, { status: 201 })
  }

  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const path = decodeURIComponent(new URL(request.url).pathname)
      if (path === '/-/ping') return Response.json({})
      if (path === '/-/whoami') return Response.json({ username: 'local' })
      const tarball = tarballs.get(path)
      if (tarball !== undefined) return new Response(tarball)
      const name = path.slice(1)
      if (request.method === 'PUT') return publish(name, request)
      const document = documents.get(name)
      if (document !== undefined) return Response.json(document)
      if (owned(name)) return Response.json({ error: 'not found' }, { status: 404 })
      const accept = request.headers.get('accept') ?? 'application/json'
      return fetch(new URL(name.replace('/', '%2f'), upstream), { headers: { accept } })
    },
  })

  return {
    url: server.url.href,
    published,
    [Symbol.asyncDispose]: () => server.stop(true),
  }
}
