import { SchemaError } from '@rip/schema'
import { inlineRuntime } from '@rip/schema/inline'
import { __schema } from '@rip/schema/runtime'

const Item = __schema({
  kind: 'shape',
  name: 'Item',
  entries: [{ tag: 'field', name: 'sku', modifiers: ['!'], typeName: 'string', array: false }],
})

try {
  Item.parse({})
} catch (error) {
  const isRefused = error instanceof SchemaError && error.message === 'Item: sku is required'
  console.log(isRefused && Item.ok({ sku: 'a' }) && inlineRuntime().includes('__ripSchema') ? 'ok' : error)
}
