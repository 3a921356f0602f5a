import { describe, expect, test } from 'bun:test'
import { Unacceptable } from '../../src/settings/quantity.ts'
import { linesOf, userAccount } from '../../src/settings/user-account.ts'
import { spareNumber } from '../../src/tenants/spare-number.ts'
import { tenantEnvironment } from '../../src/tenants/tenant-environment.ts'

const users = linesOf('passwd').filter(([, , uid]) => Number(uid) > 0)
const nobody = users.find(([name]) => name === 'nobody')!
const group = linesOf('group').find(([, , gid]) => Number(gid) > 0)!

describe('a user', () => {
  test('is given by name or number, and has the group of its entry', () => {
    const [name = '', , uid, gid, , home = ''] = nobody
    const account = { name, uid: Number(uid), gid: Number(gid), home }
    expect(userAccount(name)).toEqual(account)
    expect(userAccount(String(uid))).toEqual(account)
  })

  test('has the group it is given', () => {
    const [name = '', , gid = ''] = group
    expect(userAccount(`nobody:${name}`).gid).toBe(Number(gid))
    expect(userAccount('nobody:77777').gid).toBe(77_777)
    expect(userAccount('77777:77778')).toEqual({ name: '77777', uid: 77_777, gid: 77_778, home: '/' })
  })

  for (const text of [
    '',
    ':',
    'nobody:',
    ':nobody',
    'a:b:c',
    'root',
    '0',
    '77777',
    '1e3:1',
    '-1:1',
    '4294967295:1',
    '--:1',
  ])
    test(`is not ${JSON.stringify(text)}`, () => {
      expect(() => userAccount(text)).toThrow(Unacceptable)
    })

  test('has an environment of its own, without folders of the user who started the server', () => {
    const env = {
      PATH: '/bin',
      HOME: '/root',
      USER: 'root',
      XDG_RUNTIME_DIR: '/run/user/0',
      XDG_CACHE_HOME: '/root/.cache',
    }
    expect(tenantEnvironment(env, { name: 'shop', uid: 1, gid: 1, home: '/srv/shop' })).toEqual({
      PATH: '/bin',
      HOME: '/srv/shop',
      USER: 'shop',
      LOGNAME: 'shop',
    })
  })
})

describe('a user number that no user has', () => {
  test('is in the range that systemd gives to services, and no user or process has it', async () => {
    const number = spareNumber('shop')
    expect(number).toBeGreaterThanOrEqual(61_184)
    expect(number).toBeLessThanOrEqual(65_519)
    expect(spareNumber('shop')).toBe(number)
    expect(users.map(([, , uid]) => Number(uid))).not.toContain(number)
    if (process.getuid?.() !== 0) return
    await using running = Bun.spawn(['sleep', '60'], { uid: number, gid: number })
    expect(spareNumber('shop')).not.toBe(number)
    running.kill()
  })
})
