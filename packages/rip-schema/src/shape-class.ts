import type { Parts } from './normalize.ts'
import type { Construct } from './object-builder.ts'

/** The class of a shape's values: fields are their own, methods and computed values the class's. */
export function shapeClass(name: string | undefined, { methods, computed }: Parts): Construct {
  // The name of the property becomes the name of the class, also where values are printed.
  const className = name ?? 'Shape'
  const { [className]: made } = {
    [className]: class {
      constructor(fields?: object) {
        if (fields) Object.assign(this, fields)
      }
    },
  } as Record<string, new (fields?: object) => object>
  for (const method of methods.values())
    Object.defineProperty(made!.prototype, method.name, {
      value: method.fn,
      writable: true,
      configurable: true,
    })
  for (const { name: getter, fn } of computed.values())
    Object.defineProperty(made!.prototype, getter, { get: fn, configurable: true })
  return made as unknown as Construct
}
