/** The known word a misspelt one most likely means, or `undefined` when none is close. */
export function suggestion(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(word.length / 3) + 1)
  for (const candidate of known) {
    const distance = editDistance(word, candidate)
    if (distance >= bestDistance) continue
    best = candidate
    bestDistance = distance
  }
  return best
}

/** `; did you mean "x"?`, or nothing. */
export function didYouMean(word: string, known: Iterable<string>): string {
  const closest = suggestion(word, known)
  return closest === undefined ? '' : `; did you mean "${closest}"?`
}

/** Insertions, deletions and substitutions between two words (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let at = 1; at <= a.length; at++) {
    const next = [at]
    for (let column = 1; column <= b.length; column++) {
      const substituted = row[column - 1]! + (a[at - 1] === b[column - 1] ? 0 : 1)
      next.push(Math.min(substituted, row[column]! + 1, next[column - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}
