// Whether at most one scheduler and one controller-manager led at any moment, from their Leases: a lease changes hands only when its
// holder gave it up or its time had run out, and each change is counted.
import type { LeaseSeen } from "../recording.ts";
import { verdict } from "./verdict.ts";
import type { Verdict, Violation } from "./verdict.ts";

/** Clocks of several machines may differ by this much. */
const toleranceMs = 1000;

export function checkOneLeader(leases: readonly LeaseSeen[]): Verdict {
  const violations: Violation[] = [];
  let changes = 0;
  for (const [name, states] of Map.groupBy(leases, ({ lease }) => lease)) {
    const ordered = states.toSorted((a, b) => Number(BigInt(a.resourceVersion) - BigInt(b.resourceVersion)));
    for (const [index, next] of ordered.entries()) {
      const before = ordered[index - 1];
      if (before === undefined || before.holder === next.holder || next.holder === "") continue;
      changes += 1;
      const free = before.holder === "" ? 0 : before.renewMs + before.durationSeconds * 1000;
      if (next.acquireMs + toleranceMs < free)
        violations.push({
          because: `${next.holder} took ${name} ${Math.round(free - next.acquireMs)} ms before the time of ${before.holder} had run out`,
          drawing: `${draw(before)}\n${draw(next)}  ✗`,
        });
      else if (next.transitions <= before.transitions)
        violations.push({
          because: `${name} went from ${before.holder || "nobody"} to ${next.holder} and the change was not counted`,
          drawing: `${draw(before)}\n${draw(next)}  ✗`,
        });
    }
  }
  return verdict(
    "one active leader",
    leases.length,
    violations,
    `${leases.length} states of leases, ${changes} changes of leaders, each after the last one's time or farewell`,
    leases.length === 0 ? "no lease was seen" : undefined,
  );
}

const draw = ({ holder, transitions, renewMs, acquireMs, durationSeconds }: LeaseSeen): string =>
  `${holder || "(nobody)"}  acquired ${time(acquireMs)}  renewed ${time(renewMs)}  for ${durationSeconds} s  transition ${transitions}`;

const time = (ms: number): string => new Date(ms).toISOString().slice(11, 23);
