const TAB = 0x09
const LF = 0x0a
const FF = 0x0c
const CR = 0x0d
const SPACE = 0x20
const DOUBLE_QUOTE = 0x22
const SINGLE_QUOTE = 0x27
const HYPHEN = 0x2d
const SLASH = 0x2f
const LESS_THAN = 0x3c
const EQUALS = 0x3d
const GREATER_THAN = 0x3e
/** Bytes of the byte order mark in UTF-8. */
const MARK: ReadonlySet<number> = new Set([0xef, 0xbb, 0xbf])
/** `<!doctype` and a byte: after so many, the name of every tag that matters is known. */
const MAX_TAG_BYTES = 10

/** What comes before the place. */
const LEADING = ['!doctype', '!--', 'html', 'head']

type State = 'text' | 'name' | 'declaration' | 'comment' | 'html' | 'head'

/** What a byte means: read on; the place is in front of it or of its tag, or behind it; there is none. */
type Step = 'on' | 'before' | 'after' | 'none'

/** What is known after a piece of a document. */
export type Finding =
  /** Look at the next piece. */
  | 'more'
  /** The place is `at`. */
  | 'found'
  /** It is no full document. */
  | 'none'

/**
 * Looks for the place of a script in an HTML document that comes in pieces: behind `<head>`; where there is no such tag, in
 * front of the first thing that belongs into a head or a body (WHATWG HTML §13.2.6.4.3). What does not begin with a
 * doctype, `<html>` or `<head>` is a fragment and has none. Nothing is kept but the beginning of a tag that is cut off.
 */
export class HeadScanner {
  /** After `found`: offset of the place in the piece, or -1 when it is in front of the `former` bytes. */
  at = 0
  /** Beginning of a tag that earlier pieces ended with: `formerBytes` of it go in front of this piece. */
  readonly former: Buffer = Buffer.allocUnsafe(MAX_TAG_BYTES)
  formerBytes = 0
  /** Where the part of the piece ends that can be passed on. */
  end = 0
  private state: State = 'text'
  private isDocument = false
  /** The current tag from its `<` on, until its name is known. */
  private readonly tag = Buffer.allocUnsafe(MAX_TAG_BYTES)
  private tagBytes = 0
  private quote = 0
  /** Last byte of a tag that is no space. */
  private last = 0
  private hyphens = 0

  /** Reads the next piece. */
  read(bytes: Uint8Array, from: number, to: number): Finding {
    this.keepFormer()
    let start = -1
    this.end = to
    for (let at = from; at < to; at++) {
      const byte = bytes[at]!
      if (this.state === 'text' && byte === LESS_THAN) start = at
      const step = this.step(byte)
      if (step === 'on') continue
      if (step === 'none') return 'none'
      if (step === 'after') this.at = at + 1
      else this.at = this.state === 'name' ? start : at
      return 'found'
    }
    if (this.state === 'name') this.hold(start, from)
    return 'more'
  }

  /** The document has ended. @returns whether the place is its end; `former` is passed on in any case */
  finish(): boolean {
    this.keepFormer()
    return this.isDocument
  }

  private keepFormer(): void {
    this.formerBytes = this.state === 'name' ? this.tagBytes : 0
    this.tag.copy(this.former, 0, 0, this.formerBytes)
  }

  /** The piece ends within a tag. @param start of the tag; -1 when it is in an earlier piece */
  private hold(start: number, from: number): void {
    this.end = start < 0 ? from : start
    if (start < 0) this.formerBytes = 0
  }

  private step(byte: number): Step {
    switch (this.state) {
      case 'text':
        return this.text(byte)
      case 'name':
        return this.name(byte)
      case 'comment':
        return this.comment(byte)
      case 'declaration':
        if (byte === GREATER_THAN) this.state = 'text'
        return 'on'
      default:
        return this.attributes(byte)
    }
  }

  private text(byte: number): Step {
    if (isSpace(byte) || (!this.isDocument && MARK.has(byte))) return 'on'
    if (byte !== LESS_THAN) return this.isDocument ? 'before' : 'none'
    this.state = 'name'
    this.tag[0] = byte
    this.tagBytes = 1
    return 'on'
  }

  private name(byte: number): Step {
    this.tag[this.tagBytes++] = byte
    const name = this.tag.toString('latin1', 1, this.tagBytes).toLowerCase()
    if (name === '!--') return this.beginComment()
    if (name === '!doctype') return this.beginDocument('declaration')
    if (LEADING.some((word) => word.startsWith(name))) return 'on'
    if (name.startsWith('!') || name.startsWith('?'))
      return this.enter(byte === GREATER_THAN ? 'text' : 'declaration')
    const word = name.slice(0, -1)
    if ((word !== 'html' && word !== 'head') || !endsName(byte)) return this.isDocument ? 'before' : 'none'
    this.beginDocument(word)
    return this.attributes(byte)
  }

  private beginDocument(state: State): 'on' {
    this.isDocument = true
    return this.enter(state)
  }

  /** `<!-->` is a comment, too. */
  private beginComment(): 'on' {
    this.hyphens = 2
    return this.enter('comment')
  }

  private enter(state: State): 'on' {
    this.state = state
    this.quote = this.last = 0
    return 'on'
  }

  private comment(byte: number): 'on' {
    if (byte === GREATER_THAN && this.hyphens >= 2) return this.enter('text')
    this.hyphens = byte === HYPHEN ? this.hyphens + 1 : 0
    return 'on'
  }

  private attributes(byte: number): Step {
    if (this.quote !== 0) {
      if (byte === this.quote) this.quote = 0
      return 'on'
    }
    if (byte === GREATER_THAN) return this.state === 'head' ? 'after' : this.enter('text')
    if (this.last === EQUALS && (byte === DOUBLE_QUOTE || byte === SINGLE_QUOTE)) this.quote = byte
    if (!isSpace(byte)) this.last = byte
    return 'on'
  }
}

function isSpace(byte: number): boolean {
  return byte === SPACE || byte === LF || byte === CR || byte === TAB || byte === FF
}

function endsName(byte: number): boolean {
  return isSpace(byte) || byte === GREATER_THAN || byte === SLASH
}
