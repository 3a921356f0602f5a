import { expect, test } from 'bun:test'
import { withoutSecrets } from '../../src/settings/without-secrets.ts'

test('the key of the sticky cookie is shown as set, without its value', () => {
  const balancer = { policy: 'sticky' as const, stickyCookie: { name: 'b', key: 'topsecret-topsecret' } }
  const shown = withoutSecrets({ balancer })
  expect(shown.balancer).toEqual({ policy: 'sticky', stickyCookie: { name: 'b', key: '(set)' } })
  expect(JSON.stringify(shown)).not.toContain('topsecret')
})

test.each([{}, { stickyCookie: 'name' }, { stickyCookie: { name: 'b' } }])(
  '%j stays unchanged',
  (balancer) => {
    expect(withoutSecrets({ balancer })).toEqual({ balancer })
  },
)
