// What a crash-point enumeration plays: somebody does things, one after the other; promises hold at every moment; one end is right.
import type { Pod } from "@coxswain/api/core/v1";
import type { SimulatedClock } from "@coxswain/clock/testing";
import type { FakeApi } from "@coxswain/controller/testing";
import type { ReadonlyPod } from "../../src/pods/state.ts";

export interface Stage {
  readonly api: FakeApi;
  readonly clock: SimulatedClock;
  pods(): readonly ReadonlyPod[];
  activePods(): readonly ReadonlyPod[];
  /** Names of all pods there ever were. */
  readonly everMade: ReadonlySet<string>;
  /** Whether nobody has written anything for so many seconds. */
  isQuiet(seconds: number): boolean;
}

export interface Step {
  /** When somebody does it; at once after the step before if left out. */
  readonly when?: (stage: Stage) => boolean | Promise<boolean>;
  readonly act: (stage: Stage) => Promise<unknown> | void;
}

export interface Scenario {
  readonly name: string;
  readonly nodes?: readonly string[];
  readonly steps: readonly Step[];
  /** What a node makes of its pod; undefined lets it be as it is. Asked twice a second. */
  readonly agent?: (pod: Pod, stage: Stage) => Pod["status"] | undefined;
  /** Said after every write of anybody: what promise is broken, or undefined. */
  readonly broken?: (stage: Stage) => string | undefined;
  /** What there is when all is done, without names that are drawn. */
  readonly end: (stage: Stage) => unknown;
  readonly expected: unknown;
  /** For scenarios that never fall quiet. */
  readonly forSeconds?: number;
}
