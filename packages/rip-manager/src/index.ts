export { ManagerError } from './contract/errors.ts'
export type { ManagerErrorCode, ManagerErrorDetail } from './contract/errors.ts'
export { createManager } from './manager/manager.ts'
export { noRouter, superviseApp } from './manager/supervise-app.ts'
export type { SupervisedApp, SuperviseOptions } from './manager/supervise-app.ts'
export type {
  CommandOptions,
  Finding,
  Look,
  Manager,
  ReloadOptions,
  ReloadResult,
  RestartOptions,
  RollbackOptions,
  StopOptions,
} from './contract/manager-api.ts'
export type { Findings, KeptGeneration, Verdict, VerdictStore } from './contract/verdict.ts'
export type {
  BackgroundProgram,
  CrashBudgetOptions,
  LiveOptions,
  ManagerOptions,
  ManagerPorts,
  ObserveOptions,
  RecycleOptions,
  WorkerCommand,
} from './contract/options.ts'
export type {
  BackgroundLedger,
  BuildResult,
  Builder,
  Bus,
  ChildProcess,
  Clock,
  Memory,
  MemoryReading,
  ExitStatus,
  Footprint,
  Observer,
  OomRank,
  Probe,
  ProcessSpec,
  Random,
  ReadFootprint,
  ComparedGroup,
  Comparison,
  ModuleCounts,
  ResponseCounts,
  Service,
  Signal,
  Snapshot,
  Spawner,
  Tree,
  TreeState,
  Verifier,
  Watcher,
  WorkerIdentity,
  WorkerLinks,
} from './contract/ports.ts'
export { RULE_ORIGINS } from './contract/content-account.ts'
export type { ContentAccount, ContentObstacle } from './contract/content-account.ts'
export { STATUS_VERSION } from './contract/status.ts'
export type {
  Configuration,
  ConfigurationChange,
  AnswerRates,
  BackgroundStatus,
  CrashRecord,
  GenerationAnswers,
  ServedCertificate,
  ManagerStatus,
  TrafficCounts,
  ManagerHealth,
  WorkerState,
  WorkerStatus,
} from './contract/status.ts'
export type { RequestFailure, RequestsStatus, RequestUnderWay, RouteAnswers } from './contract/requests.ts'
export type { ExitReason, RecycleReason } from './contract/exit-reason.ts'
export type { ChangedContent, ManagerEvent, ManagerEventBody, RolloutFacts } from './contract/events.ts'
export type { Refusal, RefusalCode } from './contract/refusal.ts'
export type { Backend, DrainReport, GenerationId, Router } from './contract/router.ts'
export { readMemory } from './system/memory.ts'
export { availableCpus, availableMemoryBytes } from './system/limits.ts'
export type { Account } from './contract/account.ts'
export { startOrphanReaper } from './process/orphans.ts'
export type { OrphanReaper } from './process/orphans.ts'
export { writeInBackground } from './process/background-writes.ts'
export { isSameProcess, processStartTime } from './system/start-time.ts'
export { plainLossLine } from './process/line-output.ts'
export { createOomWatch } from './process/oom.ts'
export type { OomWatch } from './process/oom.ts'
export { setOomRank } from './system/oom-score.ts'
export { runtimeFiles } from './process/runtime-files.ts'
export { createSpawner, formatColored, formatPlain } from './process/spawner.ts'
export type { ProcessSpawner, SpawnerOptions } from './process/spawner.ts'
export type { ChildLine } from './process/supervised-child.ts'
export { createWorkerLinks } from './links/worker-links.ts'
export type { WorkerLinksOptions } from './links/worker-links.ts'
export {
  activatedListenSockets,
  adoptListenSocket,
  admit,
  formatListenAddress,
  LISTEN_VARIABLES,
  openListenSocket,
} from './socket/listen-socket.ts'
export type {
  ListenAddress,
  ListenSocket,
  ListenSocketOptions,
  PassedSocket,
  UnixListenAddress,
} from './socket/listen-socket.ts'
export {
  borrowListenSocket,
  duplicateListenSocket,
  lendListenSockets,
} from './meeting/shared-listen-socket.ts'
export type { LentSocket } from './meeting/shared-listen-socket.ts'
export { isListener } from './meeting/listener-of.ts'
export { probe } from './verify/probe.ts'
export type { BootFailure } from '@rip/worker/protocol'
export { readBootFailure } from './links/worker-message.ts'
export { findInstances, readInstance, strangerIn } from './run-dir/instance.ts'
export type { Instance } from './run-dir/instance.ts'
export { locateRunDir } from './run-dir/locate.ts'
export { openMeetingPlace } from './meeting/meeting-place.ts'
export type { MeetingPlace } from './meeting/meeting-place.ts'
export type { InstanceIdentity, RunDirLocation } from './run-dir/locate.ts'
export { stateFolders } from './run-dir/state-folders.ts'
export { ensurePrivateFolder, isPrivateFolder } from './run-dir/private-folder.ts'
export { openOwnFile, readOwnFile, writeOwnFile } from './run-dir/own-file.ts'
export { createBackgroundLedger } from './run-dir/background-ledger.ts'
export { openRunDir } from './run-dir/open-run-dir.ts'
export { LEARNED_NAME } from './run-dir/run-dir-entries.ts'
export { SharedSecret } from './run-dir/shared-secret.ts'
export type { RunDir, RunDirOptions } from './run-dir/run-dir.ts'
export type { Tenants } from './run-dir/tenants.ts'
export { isAuthored } from './watch/authored.ts'
export { PACKAGES } from './watch/belongings.ts'
export type { Belongings, PackageStamp } from './watch/belongings.ts'
export { BootWrites } from './watch/boot-writes.ts'
export { createChangeDetector } from './watch/change-detector.ts'
export type { ChangeDetectorOptions } from './watch/change-detector.ts'
export { createContentTree } from './watch/content-tree.ts'
export type { ContentTree, ContentTreeOptions } from './watch/content-tree.ts'
export { createFileWatcher } from './watch/file-watcher.ts'
export type { FileWatcher, FileWatcherOptions } from './watch/file-watcher.ts'
export type { IgnoreOptions } from './watch/ignore-files.ts'
export { ControlClient } from './control/control-client.ts'
export type { EventsOptions } from './control/control-client.ts'
export type { BalancerIntroduction, HandOverResult, JoinNotice } from './control/protocol.ts'
export { ManagerMetrics } from './control/manager-metrics.ts'
export { openControlServer } from './control/control-server.ts'
export type { ControlServer, ControlServerOptions } from './control/control-server.ts'
export { createVerifier } from './verify/verifier.ts'
export type { VerifierOptions } from './verify/verifier.ts'
export { notifySystemd, SYSTEMD_VARIABLES } from './systemd/systemd-notifier.ts'
export type { SystemdNotifier, SystemdOptions } from './systemd/systemd-notifier.ts'
export { instancesElsewhere } from './run-dir/elsewhere.ts'
export type { InstanceElsewhere } from './run-dir/elsewhere.ts'
export type { Environment } from './run-dir/locate.ts'
