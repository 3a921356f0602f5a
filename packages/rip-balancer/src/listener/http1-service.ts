import type { DataPlane } from '../exchange/data-plane.ts'
import { Exchange } from '../exchange/exchange.ts'
import { Http1Client, type ClientHost } from './http1-client.ts'
import { Http1Request } from './http1-request.ts'

/** What serves the requests of a connection in HTTP/1.1, one after the other. */
export class Http1Service {
  readonly request: Http1Request
  readonly client: Http1Client
  readonly exchange: Exchange

  constructor(host: ClientHost, plane: DataPlane) {
    const { limits, upgrades } = plane.settings
    this.request = new Http1Request(limits, upgrades)
    this.client = new Http1Client(host, this.request, plane.responses, plane.turn)
    this.exchange = new Exchange(plane, this.client)
  }
}
