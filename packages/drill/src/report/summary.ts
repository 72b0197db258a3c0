// The report of a drill as one JSON value: verdicts, figures, circumstances, and how it compares with the run before. The pages are made
// from it and from the recording.
import { answersOfRequests, answersOfWrites, gapsOf, percentile } from "../checkers/gaps.ts";
import { worst } from "../checkers/verdict.ts";
import type { Verdict } from "../checkers/verdict.ts";
import { describe } from "../cluster/action.ts";
import type { Drill } from "../drills/drill.ts";
import type { Recording } from "../recording.ts";

export interface Summary {
  readonly id: string;
  readonly drill: string;
  readonly title: string;
  readonly breaks: string;
  readonly proves: readonly string[];
  readonly outcome: Verdict["outcome"];
  readonly verdicts: readonly Verdict[];
  readonly seed: number;
  readonly command: string;
  readonly startedAt: string;
  readonly seconds: number;
  readonly target: Recording["target"];
  readonly versions: Recording["versions"];
  readonly loadAverage: Recording["loadAverage"];
  readonly failures: readonly string[];
  readonly strikes: readonly {
    readonly number: number;
    readonly said: string;
    readonly actions: readonly string[];
    readonly detectMs: number | undefined;
    readonly recoverMs: number | undefined;
  }[];
  readonly figures: readonly Figure[];
  readonly previous?: { readonly id: string; readonly outcome: string; readonly figures: readonly Figure[] };
}

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

export function summarize(
  drill: Drill,
  recording: Recording,
  verdicts: readonly Verdict[],
  previous?: Summary,
): Summary {
  const { phases, strikes } = recording;
  const from = phases[0]?.from ?? 0;
  return {
    id: recording.id,
    drill: drill.id,
    title: drill.title,
    breaks: drill.breaks,
    proves: drill.proves,
    outcome: worst(verdicts),
    verdicts,
    seed: recording.seed,
    command: recording.command,
    startedAt: new Date(from).toISOString(),
    seconds: Math.round(((phases.at(-1)?.to ?? from) - from) / 1000),
    target: recording.target,
    versions: recording.versions,
    loadAverage: recording.loadAverage,
    failures: recording.failures,
    strikes: strikes.map(({ number, fault, aim, actions, detectMs, recoverMs }) => ({
      number,
      said: aim === "" ? fault : `${fault}: ${aim}`,
      actions: actions.map(describe),
      detectMs,
      recoverMs,
    })),
    figures: figuresOf(recording),
    ...(previous === undefined
      ? {}
      : { previous: { id: previous.id, outcome: previous.outcome, figures: previous.figures } }),
  };
}

function figuresOf({ writes, requests, watches, strikes, phases, store }: Recording): readonly Figure[] {
  const figures: Figure[] = [];
  const add = (name: string, value: number, unit: string): void => {
    if (Number.isFinite(value)) figures.push({ name, value: Math.round(value * 10) / 10, unit });
  };
  const firstStrike = strikes[0]?.at ?? Number.POSITIVE_INFINITY;
  const healed = strikes.at(-1)?.healedAt ?? Number.POSITIVE_INFINITY;
  const part = (at: number): string => (at < firstStrike ? "before" : at <= healed ? "during" : "after");
  const acknowledged = writes.filter(({ outcome }) => outcome.kind === "ok");
  add("API writes acknowledged", acknowledged.length, "");
  add("API writes not acknowledged", writes.length - acknowledged.length, "");
  for (const when of ["before", "during", "after"]) {
    const times = acknowledged.filter(({ start }) => part(start) === when).map(({ start, end }) => end - start);
    add(`API write ${when}, median`, percentile(times, 50), "ms");
    add(`API write ${when}, p99`, percentile(times, 99), "ms");
  }
  add("longest write gap", Math.max(...gapsOf(answersOfWrites(writes), strikes).map(({ ms }) => ms)), "ms");
  add(
    "watch events",
    watches.reduce((sum, { events }) => sum + events.length, 0),
    "",
  );
  add(
    "watches resumed",
    watches.reduce((sum, { resumes }) => sum + resumes.length, 0),
    "",
  );
  if (requests.length > 0) {
    add("requests to the service", requests.length, "");
    add("requests lost", requests.filter(({ ok }) => !ok).length, "");
    const load = phases.find(({ name }) => name === "steady state");
    if (load)
      add(
        "requests a second in steady state",
        requests.filter(({ at }) => at >= load.from && at < load.to).length / ((load.to - load.from) / 1000),
        "/s",
      );
    for (const when of ["before", "during", "after"])
      add(
        `request ${when}, p99`,
        percentile(
          requests.filter(({ at, ok }) => ok && part(at) === when).map(({ ms }) => ms),
          99,
        ),
        "ms",
      );
    add("longest gap of requests", Math.max(...gapsOf(answersOfRequests(requests), strikes).map(({ ms }) => ms)), "ms");
  }
  add("time to detect, worst", Math.max(...strikes.map(({ detectMs }) => detectMs ?? Number.NEGATIVE_INFINITY)), "ms");
  add(
    "time to recover, worst",
    Math.max(...strikes.map(({ recoverMs }) => recoverMs ?? Number.NEGATIVE_INFINITY)),
    "ms",
  );
  if (store) add("operations on the store", store.history.operations.length, "");
  return figures;
}
