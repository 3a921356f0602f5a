export const UNKNOWN_METHODS = ['pass', 'refuse'] as const

export type UnknownMethods = (typeof UNKNOWN_METHODS)[number]
