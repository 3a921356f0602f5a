import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { processTree } from '../../proxy/process-usage.ts'
import type { Driver, DriverFactory, DriverOptions } from '../driver.ts'
import { commandOf } from '@rip/testing'
import { copyApp, stop, untilAnswering, writeRelease } from './shared.ts'

const asRoot = process.getuid?.() === 0 ? 'user root;' : ''

function nginxConfig({ port, folder }: DriverOptions): string {
  return `
daemon off; ${asRoot} worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/nginx.log;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 1000000; client_max_body_size 8m;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  upstream app { server unix:${folder}/app.sock fail_timeout=0; }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://app; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; }
  }
}`
}

/** nginx in front of unicorn on a Unix socket, reloaded with HUP as its manual describes. */
export const nginxUnicorn: DriverFactory = (options): Driver => {
  const { port, workers, folder } = options
  let unicorn: Bun.Subprocess | undefined
  let nginx: Bun.Subprocess | undefined
  copyApp(['config.ru', 'version.rb'], folder)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'nginx.conf'), nginxConfig(options))
  writeFileSync(
    join(folder, 'unicorn.rb'),
    `worker_processes ${workers}\nlisten '${folder}/app.sock', backlog: 1024\ntimeout 30\nworking_directory '${folder}'\nstderr_path '${folder}/unicorn.log'\nstdout_path '${folder}/unicorn.log'\n`,
  )

  const launchUnicorn = async (): Promise<void> => {
    unicorn = Bun.spawn(
      ['unicorn', '-c', join(folder, 'unicorn.rb'), '-E', 'none', join(folder, 'config.ru')],
      {
        cwd: folder,
        stdio: ['ignore', 'ignore', 'ignore'],
      },
    )
    await untilAnswering(port)
  }

  return {
    name: 'nginx + unicorn',
    port,
    async start() {
      nginx = Bun.spawn(['nginx', '-p', folder, '-c', join(folder, 'nginx.conf')], {
        stdio: ['ignore', 'ignore', 'inherit'],
      })
      await launchUnicorn()
    },
    restartManager: launchUnicorn,
    managerPid: () => unicorn?.pid ?? 0,
    workerPids: () => processTree(unicorn?.pid ?? 0).slice(1),
    deploy: async (release) =>
      writeRelease(join(folder, 'version.rb'), (version) => `VERSION = '${version}'`, release),
    async reload() {
      unicorn?.kill('SIGHUP')
      return 0
    },
    async [Symbol.asyncDispose]() {
      await stop(unicorn, 'SIGQUIT')
      await stop(nginx)
    },
  }
}

/** puma in cluster mode, reloaded with a phased restart. */
export const puma: DriverFactory = ({ port, workers, folder }): Driver => {
  let child: Bun.Subprocess | undefined
  const state = join(folder, 'puma.state')
  copyApp(['config.ru', 'version.rb'], folder)
  writeFileSync(
    join(folder, 'puma.rb'),
    `workers ${workers}\nthreads 1, 4\nbind 'tcp://127.0.0.1:${port}'\nstate_path '${state}'\ndirectory '${folder}'\nactivate_control_app 'unix://${folder}/ctl.sock', { no_token: true }\nlog_requests false\n`,
  )

  const launch = async (): Promise<void> => {
    child = Bun.spawn(
      ['puma', '-C', join(folder, 'puma.rb'), '-e', 'production', join(folder, 'config.ru')],
      {
        cwd: folder,
        stdio: ['ignore', 'ignore', 'ignore'],
      },
    )
    await untilAnswering(port)
  }

  return {
    name: 'puma',
    port,
    start: launch,
    restartManager: launch,
    managerPid: () => child?.pid ?? 0,
    workerPids: () => processTree(child?.pid ?? 0).filter((pid) => commandOf(pid).includes('cluster worker')),
    deploy: async (release) =>
      writeRelease(join(folder, 'version.rb'), (version) => `VERSION = '${version}'`, release),
    reload: () =>
      Bun.spawn(['pumactl', '-S', state, 'phased-restart'], {
        cwd: folder,
        stdio: ['ignore', 'ignore', 'ignore'],
      }).exited,
    [Symbol.asyncDispose]: () => stop(child),
  }
}

/** The pid a file holds. */
export function pidIn(file: string): number {
  return Number(readFileSync(file, 'utf8').trim())
}
