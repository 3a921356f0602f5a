/** How the runtime calls a function that is exported as the default without a name. */
const NAMELESS = /^( +at (?:async )?)starDefault (?=\()/

/** A frame of a stack, in which such a function is called `default`, as Node.js does. */
export function nodeName(frame: string): string {
  return frame.replace(NAMELESS, '$1default ')
}
