/**
 * The restrictions that the surrounding code puts on the current place. Immutable: `Parser.within` passes another mode
 * to what it parses.
 */
export interface Mode {
  /** In the first branch of `? :`, where a name before a colon is no key. */
  readonly noColon: boolean
  /** Inside the arguments of a call without parentheses. */
  readonly inImplicit: boolean
  /**
   * In the body of an arrow on one line, or of a branch within such arguments: a `.` on the next line is for the whole.
   */
  readonly dotsEndBody: boolean
  /** Likewise, a comma at the end of the line is for the call around. */
  readonly commaEndsBody: boolean
  /** In the head of `if`, `for` and the like, whose INDENT starts their own block. */
  readonly noIndentArgs: boolean
  /** In the head of a loop, where `in`, `of`, `as` and `by` are words of the loop. */
  readonly loopHead: boolean
  /** In the parameters of a function, which has no body yet. */
  readonly inParameters: boolean
}

/** At the start of a program. */
export const PLAIN: Mode = {
  noColon: false,
  inImplicit: false,
  dotsEndBody: false,
  commaEndsBody: false,
  noIndentArgs: false,
  loopHead: false,
  inParameters: false,
}

const PARAMETERS: Mode = { ...PLAIN, inParameters: true }

/** Inside of brackets, where what is around them does not matter. */
export function inBrackets({ inParameters }: Mode): Mode {
  return inParameters ? PARAMETERS : PLAIN
}

/** In a body or a block; one on the same line still ends where the line around it does. */
export function inBody(mode: Mode, isIndented: boolean): Mode {
  const dotsEndBody = !isIndented && (mode.dotsEndBody || mode.inImplicit)
  const commaEndsBody = !isIndented && (mode.commaEndsBody || mode.inImplicit)
  const plain = inBrackets(mode)
  return dotsEndBody || commaEndsBody ? { ...plain, dotsEndBody, commaEndsBody } : plain
}

/** A mode with other values; the same one where it has them already, as most do. */
export function changed(mode: Mode, change: Partial<Mode>): Mode {
  for (const name in change) {
    const key = name as keyof Mode
    if (mode[key] !== change[key]) return { ...mode, ...change }
  }
  return mode
}
