/** What a scenario found out. Without problems it has passed. */
export class Verdict {
  readonly figures: string[] = []
  readonly problems: string[] = []

  /** Adds a measured value for the reader. */
  figure(text: string): void {
    this.figures.push(text)
  }

  /** Adds a problem unless the condition holds. */
  expect(holds: boolean, problem: string): void {
    if (!holds) this.problems.push(problem)
  }
}
