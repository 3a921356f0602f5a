/**
 * Restrictions that the surrounding code puts on what is parsed. Immutable: `Parser.within` passes a changed mode to
 * the inner parse.
 */
export interface Mode {
  /** In the first branch of `? :`, where a name before a colon is not a key. */
  readonly noColon: boolean
  /** Inside the arguments of a call without parentheses. */
  readonly inImplicit: boolean
  /**
   * In an arrow body on one line, or in a branch within such arguments: a `.` on the next line applies to the whole
   * expression.
   */
  readonly dotsEndBody: boolean
  /** In such a body a comma at the end of the line belongs to the call around it. */
  readonly commaEndsBody: boolean
  /** In the head of `if`, `for` and the like: an INDENT starts the block of the statement. */
  readonly noIndentArgs: boolean
  /** In the head of a loop: `in`, `of`, `as` and `by` are keywords of the loop. */
  readonly loopHead: boolean
  /** In the parameters of a function, before its body. */
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

/** Inside brackets, where the restrictions of the surroundings do not apply. */
export function inBrackets({ inParameters }: Mode): Mode {
  return inParameters ? PARAMETERS : PLAIN
}

/** In a body or a block; a body on the same line still ends where the surrounding line does. */
export function inBody(mode: Mode, isIndented: boolean): Mode {
  const dotsEndBody = !isIndented && (mode.dotsEndBody || mode.inImplicit)
  const commaEndsBody = !isIndented && (mode.commaEndsBody || mode.inImplicit)
  const plain = inBrackets(mode)
  return dotsEndBody || commaEndsBody ? { ...plain, dotsEndBody, commaEndsBody } : plain
}

/** A mode with changed values; returns the same object if nothing changes, which is the common case. */
export function changed(mode: Mode, change: Partial<Mode>): Mode {
  for (const name in change) {
    const key = name as keyof Mode
    if (mode[key] !== change[key]) return { ...mode, ...change }
  }
  return mode
}
