/** What each event makes of each state. An event that is missing in the row of a state cannot happen there. */
export type StateTable<State extends string, Event extends string> = Readonly<
  Record<State, Readonly<Partial<Record<Event, State>>>>
>

/** The state that follows. @throws when the event cannot happen in this state: a mistake in our own code */
export function nextState<State extends string, Event extends string>(
  table: StateTable<State, Event>,
  state: State,
  event: Event,
): State {
  const next = table[state][event]
  if (next === undefined) throw impossible(state, event)
  return next
}

/** An event of a {@link StateGraph}. */
export interface GraphEvent<Name extends string> {
  readonly name: Name
  /** Place of what follows it among the successors of a state. */
  readonly place: number
}

/** A state of a {@link StateGraph}, which knows what each event makes of it. */
export class GraphState<Name extends string, Event extends string> {
  readonly name: Name
  private readonly successors: (GraphState<Name, Event> | undefined)[] = []

  constructor(name: Name) {
    this.name = name
  }

  /** The state that follows. @throws when the event cannot happen in this state: a mistake in our own code */
  after(event: GraphEvent<Event>): GraphState<Name, Event> {
    const next = this.successors[event.place]
    if (next === undefined) throw impossible(this.name, event.name)
    return next
  }

  /** Says what follows each event, in the order of their places; `undefined` where it cannot happen. */
  lead(successors: readonly (GraphState<Name, Event> | undefined)[]): void {
    this.successors.push(...successors)
  }
}

/** A state table of which the states and events are objects. */
export interface StateGraph<State extends string, Event extends string> {
  readonly states: Readonly<Record<State, GraphState<State, Event>>>
  readonly events: Readonly<Record<Event, GraphEvent<Event>>>
}

/**
 * The graph of a table, for states that change with every request: to look up a text that is not known beforehand takes ten
 * times as long as to follow a reference, which is 5 % of what a small request costs (`bench/data-plane`).
 */
export function stateGraph<State extends string, Event extends string>(
  table: StateTable<State, Event>,
): StateGraph<State, Event> {
  // Object.keys knows no more than that they are texts.
  const stateNames = Object.keys(table) as State[]
  const eventNames = [...new Set(stateNames.flatMap((name) => Object.keys(table[name]) as Event[]))]
  const states = recordOf(stateNames, (name) => new GraphState<State, Event>(name))
  const events = recordOf(eventNames, (name, place) => ({ name, place }))
  for (const name of stateNames)
    states[name].lead(
      eventNames.map((event) => {
        const next = table[name][event]
        return next && states[next]
      }),
    )
  return { states, events }
}

function recordOf<Name extends string, T>(
  names: readonly Name[],
  make: (name: Name, place: number) => T,
): Record<Name, T> {
  return Object.fromEntries(names.map((name, place) => [name, make(name, place)])) as Record<Name, T>
}

function impossible(state: string, event: string): Error {
  return new Error(`the event "${event}" cannot happen in the state "${state}"`)
}
