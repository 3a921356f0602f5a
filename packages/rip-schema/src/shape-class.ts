import type { Parts } from './normalize.ts'
import type { Construct } from './object-builder.ts'

/** The class of the values of a shape: fields are own properties, methods and computed values are on the prototype. */
export function shapeClass(name: string | undefined, { methods, computed }: Parts): Construct {
  // The class gets its name from the property, and shows it when values are printed.
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
