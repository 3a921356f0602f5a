import type { BalancerConfig } from '../config/config.ts'

/** The world a program runs in; replaced in tests. */
export interface ProgramIo {
  /** How the program was called, for messages. @default 'rip-balancer' */
  readonly program?: string
  readonly env: Readonly<Record<string, string | undefined>>
  out(text: string): void
  err(text: string): void
  /** Shows what is waited for until it is disposed. @default in the last line of the terminal, from 300 ms on */
  busy?(text: string): Disposable
  /** Calls back for every arrival of a signal until disposed. */
  onSignal(name: NodeJS.Signals, run: () => void): Disposable
  /**
   * Makes the configuration from what the flags say, at the start and whenever it is read again.
   * @default the flags over the file they name
   */
  readonly configure?: (flags: BalancerConfig) => Promise<BalancerConfig>
  /** Called when every listener accepts, with the addresses. */
  listening?(urls: readonly string[]): void
  /** Called when it begins to leave: nothing new is accepted any more. */
  leaving?(): void
}
