export interface BackendTlsConfig {
  /** PEM file with the certificates of the authorities that sign those of the backends; read again when it changes. @default the authorities Mozilla trusts, which come with Bun */
  readonly ca?: string
  /** PEM file with the certificate chain for backends that ask for one; read again when it changes. @default none */
  readonly cert?: string
  /** PEM file with its key. @default none */
  readonly key?: string
  /** Name that is sent (SNI) and has to be in the certificate. @default the host of the address */
  readonly serverName?: string
  /** Accept only certificates that are valid, of that name, and signed by an authority. Without it, an attacker in between can read and change everything. @default true */
  readonly verify?: boolean
}
