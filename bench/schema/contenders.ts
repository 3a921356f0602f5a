import * as v from 'valibot'
import { z } from 'zod'

/** Returns the value for accepted input, throws for other input. */
export type Parse = (input: unknown) => unknown

/** The patterns of user.rip, so that all contenders do the same work. */
const EMAIL = /^[^\s@]+@[^\s@][^\s@.]*\.[^\s@]+$/
const URL_TEXT = /^https?:\/\/.+/
const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i
const PHONE = /^[\d\s\-+()]+$/
const ZIP = /^\d{5}(?:-\d{4})?$/
const ROLES = ['admin', 'editor', 'user'] as const

const zodUser = z.object({
  id: z.string().regex(UUID),
  email: z.string().regex(EMAIL),
  firstName: z.string().min(1).max(50),
  lastName: z.string().min(1).max(50),
  nickname: z.string().max(30).nullish(),
  phone: z.string().regex(PHONE).nullish(),
  website: z.string().regex(URL_TEXT).nullish(),
  bio: z.string().max(1000).nullish(),
  age: z.int().min(18).max(120),
  height: z.number().min(0.5).max(3).nullish(),
  role: z.enum(ROLES),
  active: z.boolean(),
  newsletter: z.boolean().nullish(),
  score: z.number(),
  visits: z.int().min(0),
  country: z.string().length(2),
  zip: z.string().regex(ZIP),
  city: z.string().min(1).max(100),
  street: z.string().min(1).max(200),
  tags: z.array(z.string()).max(10),
})

const valibotUser = v.object({
  id: v.pipe(v.string(), v.regex(UUID)),
  email: v.pipe(v.string(), v.regex(EMAIL)),
  firstName: v.pipe(v.string(), v.minLength(1), v.maxLength(50)),
  lastName: v.pipe(v.string(), v.minLength(1), v.maxLength(50)),
  nickname: v.nullish(v.pipe(v.string(), v.maxLength(30))),
  phone: v.nullish(v.pipe(v.string(), v.regex(PHONE))),
  website: v.nullish(v.pipe(v.string(), v.regex(URL_TEXT))),
  bio: v.nullish(v.pipe(v.string(), v.maxLength(1000))),
  age: v.pipe(v.number(), v.integer(), v.minValue(18), v.maxValue(120)),
  height: v.nullish(v.pipe(v.number(), v.minValue(0.5), v.maxValue(3))),
  role: v.picklist(ROLES),
  active: v.boolean(),
  newsletter: v.nullish(v.boolean()),
  score: v.number(),
  visits: v.pipe(v.number(), v.integer(), v.minValue(0)),
  country: v.pipe(v.string(), v.length(2)),
  zip: v.pipe(v.string(), v.regex(ZIP)),
  city: v.pipe(v.string(), v.minLength(1), v.maxLength(100)),
  street: v.pipe(v.string(), v.minLength(1), v.maxLength(200)),
  tags: v.pipe(v.array(v.string()), v.maxLength(10)),
})

export const zodParse: Parse = (input) => zodUser.parse(input)
export const valibotParse: Parse = (input) => v.parse(valibotUser, input)

/** The number of issues that each contender reports for refused input. */
export const faultsOf = {
  zod: (input: unknown): number => zodUser.safeParse(input).error?.issues.length ?? 0,
  valibot: (input: unknown): number => v.safeParse(valibotUser, input).issues?.length ?? 0,
}
