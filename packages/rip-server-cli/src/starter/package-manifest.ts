import type { Language, Starter, Template } from './starter.ts'

/** Versions of our own packages that a starter depends on; `undefined` while they are in no registry. */
export type OwnPackages = { readonly server: string; readonly transpile: string } | undefined

type Versions = Readonly<Record<string, string>>

/** The versions that the starters were tested with. */
export const TEMPLATE_PACKAGES: Readonly<Record<Template, Versions>> = {
  plain: {},
  hono: { hono: '4.13.19' },
  elysia: { elysia: '1.4.30' },
  api: {},
  chat: {},
}

export const LANGUAGE_PACKAGES: Readonly<Record<Language, Versions>> = {
  rip: {},
  ts: { '@types/bun': '1.4.5' },
}

const LANGUAGE_SCRIPTS: Readonly<Record<Language, Versions>> = {
  rip: {},
  ts: { typecheck: 'bun check' },
}

/** The text of `package.json` for a starter. */
export function packageManifest(name: string, { template, language }: Starter, own: OwnPackages): string {
  const dependencies = {
    ...TEMPLATE_PACKAGES[template],
    ...(own && { 'rip-server': own.server }),
  }
  const devDependencies = {
    ...(own && language === 'rip' && { '@rip/transpile': own.transpile }),
    ...LANGUAGE_PACKAGES[language],
  }
  const manifest = {
    name,
    private: true,
    type: 'module',
    scripts: {
      dev: 'rip-server dev',
      start: 'rip-server start',
      test: 'bun test',
      ...LANGUAGE_SCRIPTS[language],
    },
    ...(hasAny(dependencies) && { dependencies }),
    ...(hasAny(devDependencies) && { devDependencies }),
  }
  return `${JSON.stringify(manifest, null, 2)}\n`
}

/** Whether there is anything to install. */
export function needsPackages({ template, language }: Starter, own: OwnPackages): boolean {
  return own !== undefined || hasAny({ ...TEMPLATE_PACKAGES[template], ...LANGUAGE_PACKAGES[language] })
}

const hasAny = (versions: Versions): boolean => Object.keys(versions).length > 0
