// Makes a failing run small: takes faults, rates, clients and time out of its plan for as long as the same promise is broken, and says
// which command repeats what is left.
import { drawPlan, rateNames, reduced } from "./plan.ts";
import type { Reduction } from "./plan.ts";
import { runStore } from "./simulation.ts";
import type { RunResult } from "./simulation.ts";

export interface Shrunk {
  readonly reduction: Reduction;
  readonly result: RunResult;
  readonly runs: number;
}

/** At most this many runs. */
const mostRuns = 400;
/** How often a smaller plan is tried, each time with other luck. */
const mostLuck = 8;

export async function shrink(failed: RunResult, given: Reduction = {}): Promise<Shrunk> {
  const check = failed.violation?.check;
  let best = { reduction: given, result: failed };
  let runs = 0;
  const attempt = async (reduction: Reduction): Promise<boolean> => {
    const first = reduction.luck ?? 0;
    for (let luck = first; luck < first + mostLuck; luck++) {
      if (runs >= mostRuns) return false;
      runs++;
      const lucky = { ...reduction, luck };
      const result = await runStore(reduced(drawPlan(failed.plan.seed), lucky));
      if (result.violation?.check !== check) continue;
      best = { reduction: lucky, result };
      return true;
    }
    return false;
  };

  await shorten(
    () => best.result.plan.safetyMs,
    (untilMs) => attempt({ ...best.reduction, untilMs }),
  );
  for (const name of rateNames) {
    const { without = [] } = best.reduction;
    if (best.result.plan.rates[name] > 0) await attempt({ ...best.reduction, without: [...without, name] });
  }
  await dropFaults(
    () => best.result.plan.faults.map(({ id }) => id),
    (only) => attempt({ ...best.reduction, only }),
  );
  if (best.result.plan.watchers > 0) await attempt({ ...best.reduction, watchers: 0 });
  for (let clients = best.result.plan.clients - 1; clients > 0; clients--)
    if (!(await attempt({ ...best.reduction, clients }))) break;
  await shorten(
    () => best.result.plan.safetyMs,
    (untilMs) => attempt({ ...best.reduction, untilMs }),
  );
  return { ...best, runs };
}

/** The words after `npm run sim --`. */
export function commandOf(seed: number, { only, without, untilMs, clients, watchers, luck }: Reduction): string {
  const words = ["store", "--seed", String(seed)];
  if (only) words.push("--only", only.length === 0 ? "none" : only.join(","));
  if (without && without.length > 0) words.push("--without", without.join(","));
  if (untilMs !== undefined) words.push("--until", String(untilMs));
  if (clients !== undefined) words.push("--clients", String(clients));
  if (watchers !== undefined) words.push("--watchers", String(watchers));
  if (luck !== undefined && luck > 0) words.push("--luck", String(luck));
  return `npm run sim -- ${words.join(" ")}`;
}

async function shorten(now: () => number, attempt: (untilMs: number) => Promise<boolean>): Promise<void> {
  for (const share of [0.3, 0.6, 0.8]) if (await attempt(Math.ceil(now() * share))) return shorten(now, attempt);
}

/** Halves, then quarters, … (Zeller's ddmin, without its complements of complements). */
async function dropFaults(
  now: () => readonly number[],
  attempt: (only: readonly number[]) => Promise<boolean>,
): Promise<void> {
  for (let parts = 1; parts <= Math.max(1, now().length);) {
    const ids = now();
    const size = Math.ceil(ids.length / parts);
    let dropped = false;
    for (let at = 0; at < ids.length && !dropped; at += size) {
      const kept = [...ids.slice(0, at), ...ids.slice(at + size)];
      dropped = ids.length > 0 && (await attempt(kept));
    }
    if (!dropped) {
      if (size <= 1) return;
      parts *= 2;
    }
  }
}
