export { publish, subscribe } from './bus.ts'
export { findEntry } from './application/find-entry.ts'
export { loadApplication } from './application/load-application.ts'
export { HANDLER_SYMBOL, resolveApplication } from './application/resolve-application.ts'
export { WorkerError } from './errors.ts'
export { createWorker, serveWorker } from './serve/create-worker.ts'
export type {
  Application,
  CloseHook,
  ErrorHandler,
  Handler,
  NodeListener,
  ReadyHook,
  ResumeHook,
  Routes,
  StandbyHook,
  WebSocketHandlers,
  WorkerPlace,
} from './application/application.ts'
export type { Listener, MessageData, SubscribeOptions } from './bus.ts'
export type { Entry, FindEntryOptions } from './application/find-entry.ts'
export type { WorkerErrorCode, WorkerErrorDetail } from './errors.ts'
export type { WorkerOptions } from './serve/options.ts'
export type { Client, ClientAddress, TrustForwarded } from './serve/client.ts'
export type { RequestContext, UpgradeOptions } from './serve/request-context.ts'
export type { CloseOptions, DrainReport, Worker, WorkerStats } from './serve/worker.ts'
export type { WorkerState } from './serve/worker-state.ts'
