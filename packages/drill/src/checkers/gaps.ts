// How long clients had to do without: the longest time between two answers that one client got, around each strike; requests lost; and
// the times until the cluster noticed and worked again, each against its bound.
import type { ApiWrite, RequestSeen, Strike } from "../recording.ts";
import { verdict } from "./verdict.ts";
import type { Verdict, Violation } from "./verdict.ts";

export interface Gap {
  readonly strike: number;
  readonly client: string;
  readonly ms: number;
  readonly from: number;
}

interface Answer {
  readonly at: number;
  readonly client: string;
}

/** The longest wait of any client that has to do with each strike: it began before the strike's end and ended after its beginning. */
export function gapsOf(answers: readonly Answer[], strikes: readonly Strike[], settleMs = 10_000): readonly Gap[] {
  const clients = [...Map.groupBy(answers, ({ client }) => client)].map(
    ([client, own]) => [client, own.map(({ at }) => at).toSorted((a, b) => a - b)] as const,
  );
  return strikes
    .filter(({ failed }) => failed === undefined)
    .map(({ number, at, healedAt }) => {
      let longest: Gap = { strike: number, client: "", ms: 0, from: at };
      for (const [client, times] of clients)
        for (const [index, time] of times.entries()) {
          const before = times[index - 1];
          if (before === undefined || time < at || before > (healedAt ?? at) + settleMs) continue;
          if (time - before > longest.ms) longest = { strike: number, client, ms: time - before, from: before };
        }
      return longest;
    });
}

export const answersOfWrites = (writes: readonly ApiWrite[]): readonly Answer[] =>
  writes
    .filter(({ outcome }) => outcome.kind === "ok")
    .map(({ client, end }) => ({ at: end, client: `writer ${client}` }));

export const answersOfRequests = (requests: readonly RequestSeen[]): readonly Answer[] =>
  requests.filter(({ ok }) => ok).map(({ at, ms, client }) => ({ at: at + ms, client }));

/** Nearest rank. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil((part / 100) * sorted.length) - 1)] ?? Number.NaN;
}

export function checkGap(promise: string, gaps: readonly Gap[], part: number, mostMs: number): Verdict {
  const reached = percentile(
    gaps.map(({ ms }) => ms),
    part,
  );
  const worst = gaps.toSorted((a, b) => b.ms - a.ms)[0];
  const said = `p${part} ${Math.round(reached)} ms, longest ${Math.round(worst?.ms ?? 0)} ms over ${gaps.length} strikes, bound ${mostMs} ms`;
  const violations: Violation[] =
    reached <= mostMs
      ? []
      : [
          {
            because: said,
            drawing: gaps
              .map(({ strike, client, ms }) => `strike ${strike}: ${client} waited ${Math.round(ms)} ms`)
              .join("\n"),
          },
        ];
  const silent = gaps.every(({ ms }) => ms === 0);
  return verdict(
    promise,
    gaps.length,
    silent ? [] : violations,
    said,
    silent ? "no strike, or no client, to measure it with" : undefined,
  );
}

/** Lost requests are allowed only within `graceMs` after a strike, and after its healing. */
export function checkRequests(
  requests: readonly RequestSeen[],
  strikes: readonly Strike[],
  graceMs: number,
  mostGapMs: number,
): Verdict {
  const excused = (at: number): boolean =>
    strikes.some((strike) =>
      [strike.at, strike.healedAt].some((from) => from !== undefined && at >= from - 500 && at <= from + graceMs),
    );
  const lost = requests.filter(({ ok }) => !ok);
  const unexcused = graceMs === 0 ? lost : lost.filter(({ at, ms }) => !excused(at) && !excused(at + ms));
  const gaps = gapsOf(answersOfRequests(requests), strikes);
  const longest = Math.max(0, ...gaps.map(({ ms }) => ms));
  const violations: Violation[] = [];
  if (unexcused.length > 0)
    violations.push({
      because: `${unexcused.length} of ${requests.length} requests were lost${graceMs === 0 ? "" : ` later than ${graceMs / 1000} s after a strike`}`,
      drawing: unexcused
        .slice(0, 8)
        .map(({ at, client, why }) => `${new Date(at).toISOString().slice(11, 23)} ${client}: ${why ?? ""}`)
        .join("\n"),
    });
  if (longest > mostGapMs)
    violations.push({ because: `no answer for ${Math.round(longest)} ms, bound ${mostGapMs} ms`, drawing: "" });
  return verdict(
    "requests to the service",
    requests.length,
    violations,
    `${requests.length} requests, ${lost.length} lost${lost.length > 0 ? ` (all within ${graceMs / 1000} s of a strike)` : ""}, longest gap ${Math.round(longest)} ms`,
    requests.length === 0 ? "no request was made" : undefined,
  );
}

export function checkTimes(what: "detect" | "recover", strikes: readonly Strike[], mostMs: number): Verdict {
  const times = strikes.map((strike) => (what === "detect" ? strike.detectMs : strike.recoverMs));
  const known = times.filter((time) => time !== undefined);
  const worst = Math.max(0, ...known);
  const promise = what === "detect" ? "time to detect" : "time to recover";
  const violations: Violation[] =
    worst > mostMs
      ? [
          {
            because: `${(worst / 1000).toFixed(1)} s, bound ${mostMs / 1000} s`,
            drawing: times
              .map(
                (time, index) => `strike ${index + 1}: ${time === undefined ? "never seen" : `${Math.round(time)} ms`}`,
              )
              .join("\n"),
          },
        ]
      : [];
  return verdict(
    promise,
    known.length,
    violations,
    `at most ${(worst / 1000).toFixed(1)} s over ${known.length} strikes (bound ${mostMs / 1000} s)`,
    known.length < times.length || times.length === 0
      ? `it was not seen after ${times.length - known.length} of ${times.length} strikes`
      : undefined,
  );
}

/** A disruption budget holds against whoever asks; what a strike kills is not asked. */
export function checkBudget(
  readiness: readonly { readonly at: number; readonly ready: number }[],
  least: number,
  voluntary: boolean,
): Verdict {
  const low = voluntary ? readiness.filter(({ ready }) => ready < least) : [];
  return verdict(
    "disruption budget",
    readiness.length,
    low.slice(0, 1).map(({ at, ready }) => ({
      because: `${ready} pods were ready at ${new Date(at).toISOString().slice(11, 23)}, at least ${least} promised`,
      drawing: "",
    })),
    voluntary ? `never fewer than ${least} ready pods` : "nothing was evicted: the strike was no voluntary disruption",
    readiness.length === 0 ? "readiness was not followed" : undefined,
  );
}
