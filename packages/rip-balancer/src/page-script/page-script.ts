import { requestPath } from '../text/request-path.ts'

const WORD = /^[\w.-]+$/

/** What the script is told of its page. */
export interface PageFacts {
  /** Of the backend that made it. */
  readonly generation: string | undefined
  /** Of the request: a page that was posted cannot be loaded again without being posted again. */
  readonly method: string
  /** Of its policy. */
  readonly nonce: string | undefined
}

/** A script that every page gets, and where requests of that script go. */
export class PageScript {
  /** Path of the script. */
  readonly path: string
  /** Requests below it go to the server of the script. */
  readonly folder: string
  private readonly warn: (message: string) => void
  private hasTold = false

  /** @param warn told once that a page does not allow the script */
  constructor(path: string, warn: (message: string) => void) {
    this.path = path
    this.folder = path.slice(0, path.lastIndexOf('/') + 1)
    this.warn = warn
  }

  /** Whether a request is one of the script's. @param target of its request line */
  owns(target: string): boolean {
    return requestPath(target).startsWith(this.folder)
  }

  /** The element for a page. */
  element({ generation, method, nonce }: PageFacts): Buffer {
    const attributes = [
      ` src="${this.path}"`,
      generation === undefined || !WORD.test(generation) ? '' : ` data-generation="${generation}"`,
      method === 'POST' ? ' data-method="post"' : '',
      nonce === undefined ? '' : ` nonce="${nonce}"`,
    ]
    return Buffer.from(`<script async${attributes.join('')}></script>`)
  }

  /** A page does not allow the script. @param target of its request */
  forbidden(target: string, directive: string): void {
    if (this.hasTold) return
    this.hasTold = true
    this.warn(
      `${requestPath(target)} gets no ${this.path}: the ${directive} of its Content-Security-Policy does not allow it; ` +
        "add 'self' to script-src and connect-src in development to have it",
    )
  }
}
