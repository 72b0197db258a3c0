// A whole run: three members, round after round from a seed, until the time is over or a promise was broken; then all members are
// killed once more and must come back with what they had.
import { systemClock } from "@coxswain/clock";
import type { Random } from "@coxswain/clock";
import { crashAllRepeatedly, faults, worst } from "@coxswain/drill";
import type { Fault, Verdict } from "@coxswain/drill";
import { startMembers } from "./process-members.ts";
import type { ProcessMembers } from "./process-members.ts";
import { runRound } from "./round.ts";
import type { RoundReport } from "./round.ts";
import { settle } from "./settle.ts";

export interface RunConfig {
  readonly durationMs: number;
  readonly roundMs: number;
  /** Rounds in which all members are killed so many times in a row, and after how many rounds the next of these is. */
  readonly killsInARow: number;
  readonly random: Random;
  say(text: string): void;
  /** Ends the run at once, and everything that it has started. */
  readonly signal?: AbortSignal;
  /** Called with a history that breaks a promise, before the cluster goes. */
  keep?(report: RoundReport, members: ProcessMembers): Promise<void>;
}

export interface RunReport {
  readonly outcome: Verdict["outcome"];
  readonly rounds: number;
  readonly operations: number;
  readonly unknown: number;
  readonly events: number;
  readonly strikes: Readonly<Record<string, number>>;
  readonly checkMs: number;
  /** Of the last round. */
  readonly verdicts: readonly Verdict[];
}

/** Checkpoints and snapshots often, and the members compare what they have among themselves, too. */
const memberFlags = ["--snapshot-count", "2000", "--snapshot-catchup-entries", "500", "--corrupt-check-time", "5s"];

/** Every so many rounds is one of kills in a row. */
const killRound = 3;

export async function runRobustness(config: RunConfig): Promise<RunReport> {
  await using members = await startMembers(memberFlags);
  const { signal } = config;
  if (signal === undefined) return await runRounds(config, members);
  const interrupted = Promise.withResolvers<never>();
  signal.addEventListener("abort", () => interrupted.reject(signal.reason as Error), { once: true });
  return await Promise.race([runRounds(config, members), interrupted.promise]);
}

async function runRounds(config: RunConfig, members: ProcessMembers): Promise<RunReport> {
  const { random, say } = config;
  const clock = systemClock;
  const endMs = clock.monotonic() + config.durationMs;
  const total = { rounds: 0, operations: 0, unknown: 0, events: 0, checkMs: 0, strikes: {} as Record<string, number> };
  const order = shuffled(
    faults.filter((fault) => fault.available(members) === undefined),
    random,
  );
  let [compacted, next] = [0, 0];
  let verdicts: readonly Verdict[] = [];
  do {
    const number = total.rounds + 1;
    const roundMs = Math.min(config.roundMs, Math.max(5000, endMs - clock.monotonic()));
    const chosen =
      number % killRound === 0
        ? [crashAllRepeatedly(config.killsInARow)]
        : Array.from({ length: 50 }, (): Fault => order[next++ % order.length] as Fault);
    const before = next;
    say(`round ${number}`);
    const report = await runRound({ number, faults: chosen, durationMs: roundMs, compacted }, members, random, say);
    // What there was no time for is first in the next round.
    next = number % killRound === 0 ? before : before - 50 + report.strikes.length;
    ({ compacted, verdicts } = report);
    total.rounds++;
    total.operations += report.counts.ok + report.counts.failed + report.counts.unknown;
    total.unknown += report.counts.unknown;
    total.events += report.events;
    total.checkMs += report.checkMs;
    for (const strike of report.strikes) {
      const name = strike.split(": ", 1)[0] ?? "";
      total.strikes[name] = (total.strikes[name] ?? 0) + 1;
    }
    say(
      `  ${report.counts.ok} operations done, ${report.counts.failed} refused, ${report.counts.unknown} of unknown outcome, ` +
        `${report.events} events; checked in ${(report.checkMs / 1000).toFixed(1)} s`,
    );
    for (const { promise, outcome, because } of verdicts) say(`  ${promise}: ${outcome} (${because})`);
    if (worst(verdicts) !== "passed") {
      await config.keep?.(report, members);
      return { ...total, verdicts, outcome: worst(verdicts) };
    }
  } while (clock.monotonic() < endMs);
  await members.kill(members.names());
  await members.start(members.names());
  const revision = await settle(members);
  say(`killed once more, all came back with the same hash at revision ${revision}`);
  return { ...total, verdicts, outcome: "passed" };
}

function shuffled<T>(list: readonly T[], random: Random): readonly T[] {
  const left = [...list];
  return list.map(() => left.splice(random.int(left.length), 1)[0] as T);
}
