import type { DataLoader } from '../graph/data-loaders.ts'

/** Files Bun reads with comments and commas at the end; others are JSON to the letter. */
const LENIENT_JSON = /(?:^|\/)(?:package|tsconfig|jsconfig)\.json$/

/** The value a file of data is imported as. @throws {SyntaxError} When it is not in the language it should be in. */
export function dataOf(path: string, text: string, loader: DataLoader): unknown {
  try {
    return parse(text.replace(/^\uFEFF/, ''), loader === 'json' && LENIENT_JSON.test(path) ? 'jsonc' : loader)
  } catch (cause) {
    throw new SyntaxError(`${path} is not valid ${loader.toUpperCase()}: ${(cause as Error).message}`, {
      cause,
    })
  }
}

function parse(text: string, loader: DataLoader): unknown {
  switch (loader) {
    case 'text':
      return text
    case 'json':
      return JSON.parse(text)
    case 'toml':
      return Bun.TOML.parse(text)
    case 'yaml':
      return Bun.YAML.parse(text)
    case 'jsonc':
      return Bun.JSONC.parse(text)
    case 'json5':
      return Bun.JSON5.parse(text)
  }
}
