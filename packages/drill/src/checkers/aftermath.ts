// What is different after a disaster: a backup does not know what was acknowledged after it was begun, and whoever watched must be told
// to list anew, since the store's past is not the past that was seen.
import type { ApiWatch, ApiWrite, Strike } from "../recording.ts";
import { verdict } from "./verdict.ts";
import type { Verdict } from "./verdict.ts";

/** Writes that were acknowledged between the beginning of the backup and the end of its restoration may be there or not: nobody promised. */
export function forgiveLost(writes: readonly ApiWrite[], strikes: readonly Strike[]): readonly ApiWrite[] {
  const restored = strikes.filter(({ actions }) =>
    actions.some((action) => action.act === "impose" && action.what === "lost-cluster"),
  );
  if (restored.length === 0) return writes;
  return writes.map((write) =>
    write.outcome.kind === "ok" &&
    restored.some(({ at, healedAt }) => write.end >= at && write.start <= (healedAt ?? Infinity))
      ? { ...write, outcome: { kind: "unknown", reason: "acknowledged after the backup was begun" } }
      : write,
  );
}

export function checkAnew(watches: readonly ApiWatch[], strikes: readonly Strike[]): Verdict {
  const untold = watches.flatMap((watch) =>
    strikes
      .filter(({ at }) => !watch.resumes.some((resume) => resume.gone && resume.at >= at))
      .map(({ number }) => ({
        because: `watch ${watch.id} went on after strike ${number} as if it had missed nothing`,
        drawing: watch.resumes.map(({ at, from, why }) => `${at} resumed from ${from}: ${why}`).join("\n"),
      })),
  );
  return verdict(
    "every watch is told to list anew",
    watches.length,
    untold.slice(0, 3),
    `${watches.length} watches were told that what they knew is gone, and listed anew`,
    watches.length === 0 || strikes.length === 0 ? "nobody watched, or nothing was broken" : undefined,
  );
}
