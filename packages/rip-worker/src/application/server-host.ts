import type { RequestContext } from '../serve/request-context.ts'
import type { Application } from './application.ts'

/** What the worker does for a server that its application opened. */
export interface ServerHost extends Pick<
  RequestContext,
  'upgrade' | 'requestIP' | 'timeout' | 'publish' | 'subscriberCount'
> {
  /** Where the worker listens. */
  readonly url: string
  readonly stats: { readonly inFlight: number; readonly webSockets: number; readonly eventStreams: number }
  inject(request: Request): Promise<Response>
  /** Replaces the routes and WebSocket handlers from now on. */
  reload(changed: Pick<Application, 'routes' | 'websocket'>): void
}
