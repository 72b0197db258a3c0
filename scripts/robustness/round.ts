// One round: load on a healthy cluster, faults one after the other, everything mended, and then the question whether any promise was
// broken. Rounds share the cluster; each has keys of its own.
import { randomBytes } from "node:crypto";
import { systemClock } from "@coxswain/clock";
import type { Random } from "@coxswain/clock";
import { checkStore, createRecorder, startLoad, under } from "@coxswain/drill";
import type { Fault, History, Verdict } from "@coxswain/drill";
import { settle } from "./settle.ts";
import type { ProcessMembers } from "./process-members.ts";

export interface RoundPlan {
  readonly number: number;
  /** In this order, as long as there is time. */
  readonly faults: readonly Fault[];
  readonly durationMs: number;
  /** The highest compaction before the round. */
  readonly compacted: number;
}

export interface RoundReport {
  readonly verdicts: readonly Verdict[];
  readonly strikes: readonly string[];
  readonly counts: Readonly<Record<"ok" | "failed" | "unknown", number>>;
  readonly events: number;
  readonly compacted: number;
  readonly checkMs: number;
  readonly history: History;
}

const clients = 10;

export async function runRound(
  plan: RoundPlan,
  members: ProcessMembers,
  random: Random,
  say: (text: string) => void,
): Promise<RoundReport> {
  const clock = systemClock;
  const recorder = createRecorder(clock);
  const prefix = `r${plan.number}${randomBytes(2).toString("hex")}/`;
  const beginning = await settle(members);
  const load = startLoad(
    { prefix, groups: 6, keysPerGroup: 4, mostValueBytes: 8192, clients, mostPauseMs: 25, timeoutMs: 4000, beginning },
    { clock, random, targets: members, recorder },
  );
  const strikes: string[] = [];
  const endMs = clock.monotonic() + plan.durationMs;
  try {
    for (const fault of plan.faults) {
      if (clock.monotonic() > endMs) break;
      await clock.sleep(500 + random.int(1500));
      const done = `${fault.name}: ${await fault.strike(members, { clock, random })}`;
      strikes.push(done);
      say(`  ${done}`);
    }
    await clock.sleep(Math.max(1000, endMs - clock.monotonic()));
  } finally {
    await load.stop();
  }
  const revision = await settle(members);
  const behind = await load.tapes.reach(revision, 120_000);
  await load.tapes.close();
  const history = recorder.history();
  const startedMs = clock.monotonic();
  const verdicts = [
    ...checkStore(history, { whole: under(prefix), beginning: { revision: beginning, compacted: plan.compacted } }),
    ...liveness(behind, revision),
    ...survival(members),
  ];
  return {
    verdicts,
    strikes,
    counts: recorder.counts(),
    events: history.watches.reduce(
      (sum, { responses }) => sum + responses.reduce((most, { events }) => most + events.length, 0),
      0,
    ),
    compacted: history.operations.reduce(
      (most, { request, outcome }) =>
        request.kind === "compact" && outcome.kind !== "failed" ? Math.max(most, request.revision) : most,
      plan.compacted,
    ),
    checkMs: clock.monotonic() - startedMs,
    history,
  };
}

function liveness(behind: readonly string[], revision: number): readonly Verdict[] {
  if (behind.length === 0) return [];
  const because = `two minutes after the last fault, watches through ${behind.join(", ")} have not come to revision ${revision}`;
  return [{ promise: "liveness", outcome: "violated", because, checked: 1, violations: [{ because, drawing: "" }] }];
}

function survival({ deaths }: ProcessMembers): readonly Verdict[] {
  const violations = deaths.map((because) => ({ because, drawing: "" }));
  const [first] = violations;
  return first === undefined
    ? []
    : [{ promise: "survival", outcome: "violated", because: first.because, checked: deaths.length, violations }];
}
