// Promises for the time in which a fault lasts, as they were found by looking: each probe once for each strike.
import type { Probe } from "../recording.ts";
import { probePromises } from "../run/probes.ts";
import type { ProbeName } from "../run/probes.ts";
import { verdict } from "./verdict.ts";
import type { Verdict } from "./verdict.ts";

export function checkProbes(
  names: readonly ProbeName[],
  probes: readonly Probe[],
  strikes: number,
): readonly Verdict[] {
  return names.map((name) => {
    const promise = probePromises[name];
    const own = probes.filter((each) => each.promise === promise);
    return verdict(
      promise,
      own.length,
      own
        .filter(({ kept }) => !kept)
        .map(({ because, strike }) => ({ because: `strike ${strike}: ${because}`, drawing: "" })),
      own.at(-1)?.because ?? "",
      own.length < strikes || strikes === 0 ? "it was not looked at in every strike" : undefined,
    );
  });
}
