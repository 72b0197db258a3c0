// A broken assumption ends the machine: going on could lose what others were promised.

export class RaftAssertionError extends Error {
  override readonly name = "RaftAssertionError";
}

export function assert(holds: boolean, found: string): asserts holds {
  if (!holds) throw new RaftAssertionError(found);
}
