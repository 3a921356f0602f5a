/** Certificate chain and private key, PEM. */
export interface TlsMaterial {
  readonly cert: string
  readonly key: string
}

/** Where a listener gets its certificate from, and hears that there is a new one. */
export interface TlsSource {
  current(): TlsMaterial
  /** @returns a function that ends the subscription */
  subscribe(changed: () => void): () => void
}
