import { join } from 'node:path'
import { type BalancerConfig, BalancerError, type ProgramIo, runBalancer } from '@rip/balancer'
import {
  findInstances,
  formatListenAddress,
  type Instance,
  type ListenAddress,
  type MeetingPlace,
  LEARNED_NAME,
  openMeetingPlace,
  SharedSecret,
} from '@rip/manager'
import { balancerConfig, cookieFields, Joining, learnedFields, SharedListeners } from '@rip/server'
import { ServerError, type Settings } from '@rip/server/settings'
import { instanceIdentity, listenAddress, locateApp, proveCertificate } from '@rip/server/sources'
import { nearPath } from '@rip/server/text'
import { isSameFolder } from '../instance/find-instance.ts'
import { type Invocation, invocationSettings } from '../invocation.ts'

/** A socket that is passed on: by the service manager, or by number. */
const IS_DESCRIPTOR = /^fd:\d+$/

/**
 * Runs a balancer in front of the workers of an application, whose manager is another process: with the configuration
 * of the application, over which these flags of a balancer win. Resolves with the exit code.
 */
export async function runJoined(
  invocation: Invocation,
  flags: readonly string[],
  io: ProgramIo,
): Promise<number> {
  const app = invocation.line.words[0]
  const read = async (): Promise<Settings> => {
    const { settings } = await invocationSettings(invocation, 'production', app)
    proveCertificate(settings)
    return settings
  }
  const settings = await read()
  const { root } = locateApp(settings.app)
  await using owned = new AsyncDisposableStack()
  const place = owned.use(openMeetingPlace(instanceIdentity(settings, root), invocation.env))
  const end = new AbortController()
  let listen: readonly string[] | undefined
  let shared: SharedListeners | undefined
  let joining: Promise<void> | undefined
  const configure = async (given: BalancerConfig): Promise<BalancerConfig> => {
    const current = listen === undefined ? settings : await again(read)
    if (listen === undefined) {
      const asked = askedFor(given, settings)
      shared = asked.every(isAddress) ? await SharedListeners.open(place, asked) : undefined
      if (shared !== undefined) owned.use(shared)
      listen = shared?.descriptors().map((fd) => `fd:${fd}`) ?? asked.map(textOf)
    }
    const runDir = findManager(place, current, root, invocation)?.runDir ?? place.path
    const stickyKey = runDir === place.path ? place.secret() : new SharedSecret(runDir).read()
    return joinedConfig(current, given, {
      listen,
      adminPath: place.adminPath,
      stickyKey,
      learnedFile: join(runDir, LEARNED_NAME),
    })
  }
  const say = (message: string): void => invocation.terminal.say(message)
  const code = await runBalancer(flags, {
    ...io,
    configure,
    listening: (urls) => {
      const { adminPath } = place
      const find = (): Instance | undefined => findManager(place, settings, root, invocation)
      const waitingText = waitingFor(root, invocation.cwd)
      joining = new Joining({ adminPath, urls, find, restore: () => restore(place), waitingText, say }).run(
        end.signal,
      )
    },
    leaving: () => void shared?.[Symbol.asyncDispose](),
  })
  end.abort()
  await joining
  return code
}

/** Reads the settings again. If they cannot be used, the balancer refuses them and keeps those it has. */
async function again(read: () => Promise<Settings>): Promise<Settings> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof ServerError)) throw error
    throw new BalancerError('CONFIG_INVALID', { problems: [error.message] }, { cause: error })
  }
}

type Asked = ListenAddress | string

/** The addresses to listen on: those of the flags, else those of the application. */
function askedFor({ listen }: BalancerConfig, settings: Settings): readonly Asked[] {
  const given = listen === undefined ? [] : [listen].flat()
  if (given.length === 0) return [listenAddress(settings, 'production')]
  return given.map((each) => {
    const text = typeof each === 'string' ? each : each.address
    return IS_DESCRIPTOR.test(text) ? text : listenAddress({ ...settings, bind: text }, 'production')
  })
}

const isAddress = (asked: Asked): asked is ListenAddress => typeof asked !== 'string'

const textOf = (asked: Asked): string => (isAddress(asked) ? formatListenAddress(asked) : asked)

interface JoinedPlace {
  readonly listen: readonly string[]
  readonly adminPath: string
  /** See `BalancerPlace` of `@rip/server`: the same for all balancers of the instance. */
  readonly stickyKey: string
  readonly learnedFile: string
}

/** The configuration as inside one server, with the flags over it. */
function joinedConfig(
  settings: Settings,
  { listen: _asked, ...given }: BalancerConfig,
  { listen, ...place }: JoinedPlace,
): BalancerConfig {
  const { listen: _one, ...base } = balancerConfig(settings, { ...place, listen: '' })
  const { tlsCert: cert, tlsKey: key } = settings
  const tls = cert === undefined || key === undefined ? undefined : { cert, key }
  return {
    ...base,
    ...given,
    timeouts: { ...base.timeouts, ...given.timeouts },
    limits: { ...base.limits, ...given.limits },
    forwarding: { ...base.forwarding, ...given.forwarding },
    learnedField: { ...learnedFields(base.learnedField), ...learnedFields(given.learnedField) },
    stickyCookie: { ...cookieFields(base.stickyCookie), ...cookieFields(given.stickyCookie) },
    ...(base.queue && { queue: { ...base.queue, ...given.queue } }),
    ...(base.health && { health: { ...base.health, ...given.health } }),
    listen: listen.map((address) => (tls === undefined ? address : { address, tls })),
  }
}

/** Finds the manager in the run directory of these settings, else the only one that runs this application. */
function findManager(
  place: MeetingPlace,
  { name, runDir }: Settings,
  root: string,
  { env }: Invocation,
): Instance | undefined {
  const there = place.instance()
  if (there !== undefined || name !== undefined || runDir !== undefined) return there
  const [only, ...others] = findInstances(env).filter((instance) => isSameFolder(instance.root, root))
  return others.length === 0 ? only : undefined
}

function restore(place: MeetingPlace): void {
  try {
    place.restore()
  } catch {
    // Another user has taken the name of the run directory, and is not believed; it may be free again later.
  }
}

function waitingFor(root: string, cwd: string): string {
  const app = nearPath(root, cwd)
  return `waiting for the manager of ${app}: start it with "rip-server manager ${app}"; requests wait until then`
}
