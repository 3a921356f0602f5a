/** What a starter is about. */
export const templates = ['plain', 'hono', 'elysia', 'api', 'chat'] as const
export type Template = (typeof templates)[number]

export const languages = ['rip', 'ts'] as const
export type Language = (typeof languages)[number]

/** An application to begin with. */
export interface Starter {
  readonly template: Template
  readonly language: Language
}

export const languageNames: Readonly<Record<Language, string>> = { rip: 'Rip', ts: 'TypeScript' }

const KINDS: Readonly<Record<Template, string>> = {
  plain: 'a plain application',
  hono: 'a Hono application',
  elysia: 'an Elysia application',
  api: 'a JSON API with SQLite',
  chat: 'a chat over WebSockets',
}

/** The starter in a few words. */
export function starterText({ template, language }: Starter): string {
  return `${KINDS[template]} in ${languageNames[language]}`
}
