import type { CommandId } from './inputs.ts'
import type { Effects } from './effects.ts'
import type { Tokens } from './tokens.ts'
import { isUnwanted, merge, type Wish, without } from './wish.ts'

/** Looks at the disk, one at a time, and the wishes that wait for one. */
export class Reading {
  readonly #effects: Pick<Effects, 'readTree'>
  readonly #tokens: Tokens
  /** The look that is under way, and the wish it was begun for. */
  #current: { readonly token: number; readonly wish: Wish } | undefined = undefined
  /** Came after that look had begun, or has to wait until something else has ended. */
  #waiting: Wish | undefined = undefined
  /** Put off until the content on disk has settled. */
  #settling: { readonly wish: Wish; readonly atMs: number } | undefined = undefined

  constructor(effects: Pick<Effects, 'readTree'>, tokens: Tokens) {
    this.#effects = effects
    this.#tokens = tokens
  }

  get isIdle(): boolean {
    return this.#current === undefined
  }

  /** When a wish that was put off is looked after; infinite without one. */
  get dueMs(): number {
    return this.#settling?.atMs ?? Infinity
  }

  /** Looks at the content as it is from now on. A look under way may have seen it as it was before. */
  ask(wish: Wish): void {
    if (this.#current === undefined) this.#look(wish)
    else this.postpone(wish)
  }

  /** Looks later, when `askWaiting` is called. */
  postpone(wish: Wish): void {
    this.#waiting = merge(this.#waiting, wish)
  }

  /** Looks at this time. */
  settle(wish: Wish, atMs: number): void {
    this.#settling = { wish: merge(this.#settling?.wish, wish), atMs }
  }

  askSettled(nowMs: number): void {
    if (this.#settling === undefined || nowMs < this.#settling.atMs) return
    const { wish } = this.#settling
    this.#settling = undefined
    this.ask(wish)
  }

  /** Looks for the wishes that wait, if they may be answered now. */
  askWaiting(mayAsk: (wish: Wish) => boolean): void {
    if (this.#waiting === undefined || this.#current !== undefined || !mayAsk(this.#waiting)) return
    const wish = this.#waiting
    this.#waiting = undefined
    this.#look(wish)
  }

  #look(wish: Wish): void {
    const token = this.#tokens.next()
    this.#current = { token, wish }
    // A caller wants to know for certain; looks for the watcher are frequent and have to be cheap.
    this.#effects.readTree(token, { thorough: wish.commands.length > 0 })
  }

  /** The look with this token has ended. Returns the wish it was begun for; undefined when nothing wants it any more. */
  take(token: number): Wish | undefined {
    if (this.#current?.token !== token) return undefined
    const { wish } = this.#current
    this.#current = undefined
    return wish
  }

  /** The caller of this command does not wait any more. */
  withdraw(command: CommandId): void {
    this.#change((wish) => without(wish, command))
  }

  /** The rollout whose content was to be confirmed has ended. */
  withdrawConfirmation(): void {
    this.#change((wish) => ({ ...wish, confirms: false }))
  }

  #change(change: (wish: Wish) => Wish): void {
    if (this.#current !== undefined) this.#current = { ...this.#current, wish: change(this.#current.wish) }
    if (this.#waiting !== undefined) this.#waiting = change(this.#waiting)
    if (this.#settling !== undefined)
      this.#settling = { ...this.#settling, wish: change(this.#settling.wish) }
  }

  /** Gives up the wishes that nothing wants any more, and returns them. */
  dropUnwanted(): readonly Wish[] {
    return this.#drop(isUnwanted)
  }

  /** Gives up everything, and returns it. */
  dropAll(): readonly Wish[] {
    return this.#drop(() => true)
  }

  #drop(isDropped: (wish: Wish) => boolean): readonly Wish[] {
    const wishes = [this.#current?.wish, this.#waiting, this.#settling?.wish]
    const dropped = wishes.filter((wish) => wish != undefined).filter(isDropped)
    if (this.#current !== undefined && isDropped(this.#current.wish)) this.#current = undefined
    if (this.#waiting !== undefined && isDropped(this.#waiting)) this.#waiting = undefined
    if (this.#settling !== undefined && isDropped(this.#settling.wish)) this.#settling = undefined
    return dropped
  }
}
