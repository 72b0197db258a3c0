// The shape of every decision: what is to be done, and why, in one value.

export interface Plan<Action> {
  /** In the order in which they are to be done. */
  readonly actions: readonly Action[];
  /** One sentence part for people: "1 of 3 pods is missing". */
  readonly because: string;
}

export const plan = <Action>(actions: readonly Action[], because: string): Plan<Action> => ({ actions, because });

/** A plan to leave things as they are. */
export const nothing = <Action = never>(because: string): Plan<Action> => ({ actions: [], because });
