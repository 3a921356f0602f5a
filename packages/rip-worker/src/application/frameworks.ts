import type { Project } from './project.ts'

/** Frameworks that have a build and a development server of their own, by the package that brings it. */
const FRAMEWORKS = [
  ['next', 'Next.js'],
  ['nuxt', 'Nuxt'],
  ['astro', 'Astro'],
  ['@sveltejs/kit', 'SvelteKit'],
  ['@react-router/dev', 'React Router'],
  ['@remix-run/dev', 'Remix'],
  ['@tanstack/react-start', 'TanStack Start'],
  ['@tanstack/solid-start', 'TanStack Start'],
  ['@solidjs/start', 'SolidStart'],
  ['@builder.io/qwik-city', 'Qwik City'],
  ['@qwik.dev/router', 'Qwik'],
  ['@analogjs/platform', 'Analog'],
  ['@angular/build', 'Angular'],
  ['nitropack', 'Nitro'],
  ['nitro', 'Nitro'],
] as const

/** Their tools. Without one of them in its scripts, a project may have the package for something beside it, such as its documentation. */
const TOOL = /\b(?:next|nuxt|nuxi|astro|vite|react-router|remix|vinxi|qwik|ng|nitro|nitropack)\b/

/** Servers for development, which a script named `start` may start, too. */
const DEV_SERVER =
  /\b(?:vite(?!\s+preview)|next dev|nuxt dev|astro dev|ng serve|react-scripts start|vue-cli-service serve|webpack serve|webpack-dev-server|parcel(?! build))\b/

/** The framework a project is written for; its code is nothing a worker could load before it is built. */
export function frameworkOf(project: Project): string | undefined {
  return packageOfFramework(project)?.[1]
}

function packageOfFramework(project: Project): readonly [needed: string, name: string] | undefined {
  if (!['dev', 'build', 'start'].some((name) => TOOL.test(project.script(name) ?? ''))) return undefined
  const found = FRAMEWORKS.find(([name]) => project.depends(name))
  if (found !== undefined) return found
  return project.depends('vite') && project.has('index.html') ? ['vite', 'Vite'] : undefined
}

/** The development server that a framework's project starts by its own script. */
export function devServerOf(
  project: Project,
): { readonly command: readonly string[]; readonly because: string } | undefined {
  const [name, framework] = packageOfFramework(project) ?? []
  if (name === undefined || framework === undefined) return undefined
  const known = ['dev', 'start'].find((each) => DEV_SERVER.test(project.script(each) ?? ''))
  const script = known ?? (isUsable(project.script('dev')) ? 'dev' : undefined)
  if (script === undefined) return undefined
  const [bun = 'bun', ...words] = runScript(script)
  const because = `development server of ${framework}`
  const wanted = nodeMissing(project, name)
  if (wanted === undefined) return { command: [bun, ...words], because }
  return { command: [bun, '--bun', ...words], because: `${because}, on Bun: it wants Node.js ${wanted}` }
}

/** The versions of Node.js that a package asks for, if the one that is there is none of them. */
function nodeMissing(project: Project, name: string): string | undefined {
  const [, range] =
    /"node":\s*"([^"]+)"/.exec(enginesIn(project.text(`node_modules/${name}/package.json`))) ?? []
  if (range === undefined || Bun.which('node') === null) return undefined
  const version = Bun.spawnSync(['node', '--version'], { env: process.env })
    .stdout.toString()
    .trim()
    .replace(/^v/, '')
  return version === '' || Bun.semver.satisfies(version, range) ? undefined : range
}

function enginesIn(manifest: string): string {
  return /"engines":\s*\{[^}]*\}/.exec(manifest)?.[0] ?? ''
}

/** What `scripts.start` runs, unless that is for development, or this server. */
export function startScript(project: Project): readonly string[] | undefined {
  const script = project.script('start')
  return isUsable(script) && !DEV_SERVER.test(script) ? runScript('start') : undefined
}

/** Runs a script as `npm run` does; Bun is there in any case. */
export function runScript(name: string): readonly string[] {
  return [Bun.which('bun') === null ? process.execPath : 'bun', 'run', '--silent', name]
}

/** A script that starts this server would start itself. */
function isUsable(script: string | undefined): script is string {
  return script !== undefined && !/\brip-server\b/.test(script)
}
