// The port through which this package sees time: the two verbs it needs of a clock, in the shape every clock here has.

export interface Timers {
  /** Calls `wake` once after `delayMs`, unless the timer is cancelled first. */
  setTimeout(wake: () => void, delayMs: number): { cancel(): void };
}
