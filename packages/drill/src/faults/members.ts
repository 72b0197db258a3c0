// What faults need of a cluster: a handle on each member, its machine and its place in the cluster. Real processes implement it; so
// may anything else that has members. Verbs resolve when what they say has happened.

export interface Members {
  /** Every member there should be, whether it runs or not. */
  names(): readonly string[];
  /** Undefined while there is none, or nobody can be asked. */
  leader(): Promise<string | undefined>;
  /** All at the same instant, without a word. Harmless for one that is dead. */
  kill(names: readonly string[]): Promise<void>;
  /** Resolves when all of them serve; harmless for one that runs. */
  start(names: readonly string[]): Promise<void>;
  /** The process stands still; its connections stay. */
  pause(name: string): Promise<void>;
  resume(name: string): Promise<void>;
  /** Drops what `from` sends to `to`. */
  cut(from: string, to: string): Promise<void>;
  /** Ends every cut. */
  mend(): Promise<void>;
  /** Places at which a member can be made to die. */
  readonly failpoints: readonly string[];
  /** Restarts the member so that it dies when it comes to the place for the `count`th time; resolves when it has, or after a while. */
  dieAt(name: string, failpoint: string, count: number, withinMs: number): Promise<boolean>;
  /** The member whose disk can be filled up, if there is one. */
  readonly smallDisk: string | undefined;
  /** Leaves no room on its disk; with `false` gives it back. */
  fillDisk(name: string, full: boolean): Promise<void>;
  /** Takes the member out of the cluster with its data, and an empty one in under the same name. */
  replace(name: string, asLearner: boolean): Promise<void>;
  defragment(name: string): Promise<void>;
  /** Moves the leadership to another member. */
  moveLeader(to: string): Promise<void>;
}
