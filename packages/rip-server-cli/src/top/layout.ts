/** Cells for what a row is about. */
export const LABEL = 10

/** Shorter screens do without graphs, blank rows, and what does not fit into one row. */
export const SHORT = 16

/** Narrower screens do without what goes without saying. */
export const NARROW = 60
