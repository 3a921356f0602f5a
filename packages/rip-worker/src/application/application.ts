import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { RequestContext } from '../serve/request-context.ts'
import type { ServerHost } from './server-host.ts'

/**
 * Answers one request. The context is passed a second time as third argument, for handlers written as
 * `(request, env, executionContext)`; such handlers declare different types for it, so its type is left open.
 */
export type Handler = (
  request: Request,
  context: RequestContext,
  executionContext: never,
) => Response | Promise<Response>

/** A handler in the style of `node:http`. */
export type NodeListener = (request: IncomingMessage, response: ServerResponse) => unknown

/** Bun's WebSocket handlers with their options, as in `Bun.serve({ websocket })`. */
export interface WebSocketHandlers {
  // Method syntax, so that handlers may declare the more specific socket type of their runtime.
  open?(socket: never): unknown
  message?(socket: never, message: never): unknown
  close?(socket: never, code: number, reason: string): unknown
  readonly [option: string]: unknown
}

/** Bun's `routes`: by path, a response, a handler, or handlers by method. */
export type Routes = Readonly<Record<string, unknown>>

/** Answers instead of the error page when a handler throws. */
export type ErrorHandler = (error: Error) => Response | undefined | Promise<Response | undefined>

/** Runs before the worker says that it is ready. */
export type ReadyHook = () => unknown

/** Runs after the last request; `signal` aborts when the deadline has passed. */
export type CloseHook = (options: { readonly signal: AbortSignal }) => unknown

/** Which worker a hook is called in. */
export interface WorkerPlace {
  /** Number of the slot, from 1 on. At any time at most one worker with this number is active. */
  readonly workerId: number
  readonly generation: string
}

/** Runs each time the worker becomes active; `signal` aborts when it stops to be. */
export type ResumeHook = (place: WorkerPlace & { readonly signal: AbortSignal }) => unknown

/** Runs each time the worker stops to be active, and once at its start. */
export type StandbyHook = (place: WorkerPlace) => unknown

/** The exports of an application's module. Exactly one of `fetch`, `listener`, `nodeServer` answers requests. */
export interface Application {
  readonly fetch?: Handler
  readonly listener?: NodeListener
  /** A server of `node:http` that does not listen; the worker makes it listen on its own socket, without TLS. */
  readonly nodeServer?: Server
  readonly websocket?: WebSocketHandlers
  readonly routes?: Routes
  readonly error?: ErrorHandler
  readonly ready?: ReadyHook
  readonly standby?: StandbyHook
  readonly resume?: ResumeHook
  readonly close?: CloseHook
  /** Longest request body, where the application opened a server that says so. */
  readonly maxBodyBytes?: number
  /** Called with the worker's own server once that listens. */
  readonly attach?: (host: ServerHost) => void
}
