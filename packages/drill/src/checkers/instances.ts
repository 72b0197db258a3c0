// Whether at most one instance of each ordinal of a StatefulSet ran at any moment, from what the container engines of all machines
// themselves say. A pod's container runs from "start" (or from when it was first seen) until "die", or until its machine lost power.
import type { ContainerEvent } from "../recording.ts";
import { verdict } from "./verdict.ts";
import type { Verdict, Violation } from "./verdict.ts";

export interface InstanceOptions {
  /** Names of pods that may run only once. */
  readonly pods: (name: string) => boolean;
  /** Machines whose engine could not be followed to the end. */
  readonly blind: readonly string[];
}

interface Life {
  readonly machine: string;
  readonly uid: string;
  readonly id: string;
  readonly from: number;
  readonly to: number;
}

export function checkOneInstance(events: readonly ContainerEvent[], { pods, blind }: InstanceOptions): Verdict {
  const relevant = events.filter(({ pod }) => pods(pod));
  const violations: Violation[] = [];
  const names = Map.groupBy(relevant, ({ pod, container }) => `${pod}/${container}`);
  for (const [name, own] of names) {
    const lives = livesOf(own).toSorted((a, b) => a.from - b.from);
    for (const [index, life] of lives.entries()) {
      const other = lives.slice(0, index).find((earlier) => earlier.uid !== life.uid && earlier.to > life.from);
      if (other)
        violations.push({
          because: `${name} ran twice for ${Math.round(Math.min(other.to, life.to) - life.from)} ms: on ${other.machine} and on ${life.machine}`,
          drawing: [other, life].map((each) => draw(each, other.from)).join("\n"),
        });
    }
  }
  return verdict(
    "at most one running instance per StatefulSet ordinal",
    relevant.length,
    violations,
    `${names.size} containers, ${relevant.length} events of the engines: no two instances at once`,
    relevant.length === 0
      ? "no engine told of any"
      : blind.length > 0
        ? `the engine of ${blind.join(", ")} could not be followed`
        : undefined,
  );
}

function livesOf(events: readonly ContainerEvent[]): readonly Life[] {
  const lives: Life[] = [];
  for (const own of Map.groupBy(events, ({ id }) => id).values()) {
    let from: number | undefined;
    const { machine, uid, id } = own[0] as ContainerEvent;
    for (const { at, event } of own.toSorted((a, b) => a.at - b.at)) {
      if (event === "start" || event === "seen") from ??= at;
      else if (from !== undefined) {
        lives.push({ machine, uid, id, from, to: at });
        from = undefined;
      }
    }
    if (from !== undefined) lives.push({ machine, uid, id, from, to: Number.POSITIVE_INFINITY });
  }
  return lives;
}

const draw = ({ machine, uid, from, to }: Life, zero: number): string =>
  `${machine}  pod ${uid.slice(0, 8)}  +${Math.round(from - zero)} ms … ${to === Number.POSITIVE_INFINITY ? "still running" : `+${Math.round(to - zero)} ms`}`;
