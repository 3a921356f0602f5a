import { expect, test } from 'bun:test'
import { balancerEnvironment } from '../../src/front/balancer-environment.ts'

const CONCERNS = {
  PATH: '/usr/bin',
  TZ: 'Europe/Berlin',
  LC_ALL: 'C.UTF-8',
  TMPDIR: '/var/tmp',
  SSL_CERT_FILE: '/etc/ssl/ours.pem',
  NODE_EXTRA_CA_CERTS: '/etc/ssl/more.pem',
  BUN_JSC_useJIT: '0',
  LD_PRELOAD: '/usr/lib/libjemalloc.so',
  RIP_CACHE: 'off',
}

test('a balancer gets what it and its runtime read, and nothing of the application', () => {
  const ofTheApplication = {
    DATABASE_URL: 'postgres://shop:secret@db/shop',
    SECRET_KEY_BASE: 'secret',
    NODE_ENV: 'production',
    BUN_CONFIG_TOKEN: 'secret',
    AWS_SECRET_ACCESS_KEY: 'secret',
    HTTPS_PROXY: 'http://user:secret@proxy.test',
  }
  expect(balancerEnvironment({ ...CONCERNS, ...ofTheApplication })).toEqual(CONCERNS)
})
