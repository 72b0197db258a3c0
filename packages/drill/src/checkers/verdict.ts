// What every checker answers. "Unknown" is an answer of its own: a check that could not finish has shown nothing.

export interface Verdict {
  /** The promise that was checked: "linearizability", "watch". */
  readonly promise: string;
  readonly outcome: "passed" | "violated" | "unknown";
  /** One sentence for a person: what was looked at, or what is wrong, or why nobody knows. */
  readonly because: string;
  /** How many things were looked at. */
  readonly checked: number;
  readonly violations: readonly Violation[];
}

export interface Violation {
  /** What cannot be, in one sentence. */
  readonly because: string;
  /** The smallest part of the history that shows it, drawn in text. */
  readonly drawing: string;
}

/** Passed if there is nothing against it. */
export function verdict(
  promise: string,
  checked: number,
  violations: readonly Violation[],
  looked: string,
  unknown?: string,
): Verdict {
  const [first] = violations;
  if (first !== undefined) return { promise, outcome: "violated", because: first.because, checked, violations };
  if (unknown !== undefined) return { promise, outcome: "unknown", because: unknown, checked, violations };
  return { promise, outcome: "passed", because: looked, checked, violations };
}

/** The worst of several: violated before unknown before passed. */
export function worst(verdicts: readonly Verdict[]): Verdict["outcome"] {
  if (verdicts.some(({ outcome }) => outcome === "violated")) return "violated";
  return verdicts.some(({ outcome }) => outcome === "unknown") ? "unknown" : "passed";
}
