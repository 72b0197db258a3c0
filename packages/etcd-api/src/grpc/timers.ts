// The port through which this package sees time: the one verb it needs of a clock, in the shape every clock here has.

export interface Timers {
  /** Calls `wake` once after `delayMs`, unless the timer is cancelled first. */
  readonly setTimeout: (wake: () => void, delayMs: number) => { cancel(): void };
}
