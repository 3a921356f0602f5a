/**
 * Whether build tools have put a hash of the content into the name of a file, so that it never changes: `a-1f6b2c3d.js`,
 * `a.DiwrgTd4.css`. A date or a word is none, and a hash that looks like one of them is not recognised.
 */
export function isHashedName(path: string): boolean {
  const parts = path.slice(path.lastIndexOf('/') + 1).split('.')
  return parts
    .slice(0, -1)
    .some((part) => hashesIn(part).some((each) => isHexHash(each) || isBase64Hash(each)))
}

/** What may be a hash: the whole part, what follows its last dash, and its last 8 characters after a dash. */
function hashesIn(part: string): readonly string[] {
  return [part, part.slice(part.lastIndexOf('-') + 1), part.at(-9) === '-' ? part.slice(-8) : '']
}

/** At least 8 hexadecimal digits, letters and figures among them. */
function isHexHash(text: string): boolean {
  return /^[0-9a-f]{8,64}$/.test(text) && /[a-f]/.test(text) && /\d/.test(text)
}

/** The 8 characters that Vite and Rollup take, with figures, capital and small letters among them. */
function isBase64Hash(text: string): boolean {
  return /^[\w-]{8}$/.test(text) && /\d/.test(text) && /[A-Z]/.test(text) && /[a-z]/.test(text)
}
