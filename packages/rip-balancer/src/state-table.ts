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
  if (next === undefined) throw new Error(`the event "${event}" cannot happen in the state "${state}"`)
  return next
}
