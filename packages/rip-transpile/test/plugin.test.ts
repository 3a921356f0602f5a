import { expect, test } from 'bun:test'
import { ripPlugin } from '../src/index.ts'
import { tempProject } from './temp-project.ts'

test('Bun.build bundles .rip files with the runtime they use', async () => {
  using project = tempProject({
    'main.ts': "import { names } from './names.rip'\nexport const result = names(['b', 'a'])\n",
    'names.rip': 'export names = (list) -> "#{kind list}: #{list.toSorted().join \' \'}"\n',
  })
  const { success, outputs } = await Bun.build({
    entrypoints: [project.path('main.ts')],
    plugins: [ripPlugin()],
    format: 'esm',
  })
  expect(success).toBe(true)
  project.write({ 'out.js': await outputs[0]!.text() })
  expect(await import(project.path('out.js'))).toMatchObject({ result: 'array: a b' })
})

test('source that does not compile fails the build with its position', async () => {
  using project = tempProject({ 'main.rip': 'a = (\n' })
  const built = Bun.build({ entrypoints: [project.path('main.rip')], plugins: [ripPlugin()] })
  const error: unknown = await built.catch((thrown: unknown) => thrown)
  expect(Bun.inspect(error)).toContain('main.rip:1:5: this ( is never closed')
})
