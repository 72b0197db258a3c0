// Whether every acknowledged write through the API is there once, and nothing else is. Each object has one writer that asks one thing
// at a time, so its life is a list: what was acknowledged must have happened in order; what nobody knows may have, at most once.
import type { ApiWrite, FinalObject } from "../recording.ts";
import { verdict } from "./verdict.ts";
import type { Verdict, Violation } from "./verdict.ts";

const promise = "acknowledged API writes are kept, once";

export function checkApiWrites(writes: readonly ApiWrite[], final: readonly FinalObject[] | undefined): Verdict {
  const violations: Violation[] = [];
  const lives = Map.groupBy(writes, ({ name }) => name);
  const found = new Map((final ?? []).map((object) => [object.name, object]));
  for (const [name, unordered] of lives) {
    const life = unordered.toSorted((a, b) => a.start - b.start);
    violations.push(...versionsThatGoBack(name, life));
    if (final !== undefined) violations.push(...wrongEnd(name, life, found.get(name)));
  }
  for (const { name, value } of final ?? [])
    if (!lives.has(name))
      violations.push({ because: `${name} is there and nobody wrote it`, drawing: `final read: ${name} = ${value}` });
  const acknowledged = writes.filter(({ outcome }) => outcome.kind === "ok").length;
  const unknown = writes.filter(({ outcome }) => outcome.kind === "unknown").length;
  return verdict(
    promise,
    acknowledged,
    violations,
    `${acknowledged} acknowledged writes of ${lives.size} objects are there, ${unknown} of unknown outcome at most once`,
    final === undefined
      ? "the objects could not be read in the end"
      : acknowledged === 0
        ? "no write was acknowledged"
        : undefined,
  );
}

function versionsThatGoBack(name: string, life: readonly ApiWrite[]): readonly Violation[] {
  let before: ApiWrite | undefined;
  for (const write of life) {
    if (write.outcome.kind !== "ok" || write.verb === "delete") continue;
    const version = BigInt(write.outcome.resourceVersion);
    if (before?.outcome.kind === "ok" && version <= BigInt(before.outcome.resourceVersion))
      return [
        {
          because: `resourceVersion of ${name} went from ${before.outcome.resourceVersion} to ${version}`,
          drawing: drawLife([before, write]),
        },
      ];
    before = write;
  }
  return [];
}

/** The last acknowledged write, or one of unknown outcome, is what must be found. */
function wrongEnd(name: string, life: readonly ApiWrite[], found: FinalObject | undefined): readonly Violation[] {
  const last = life.findLastIndex(({ outcome }) => outcome.kind === "ok");
  const since = life.filter(({ outcome }, index) => index === last || outcome.kind === "unknown");
  // One of unknown outcome may take effect at any later time, also after others were acknowledged.
  const possible = since.map(({ verb, value }) => (verb === "delete" ? undefined : value));
  if (last < 0) possible.push(undefined);
  if (possible.includes(found?.value)) {
    const answer = life[last]?.outcome;
    if (found === undefined || answer?.kind !== "ok" || found.value !== life[last]?.value) return [];
    return found.resourceVersion === answer.resourceVersion
      ? []
      : [
          {
            because: `${name} was acknowledged at resourceVersion ${answer.resourceVersion} and is there at ${found.resourceVersion}`,
            drawing: drawLife(since),
          },
        ];
  }
  const wanted = [...new Set(possible.map((value) => (value === undefined ? "nothing" : `"${value}"`)))].join(" or ");
  return [
    {
      because: `${name} was last acknowledged as ${wanted} and is ${found === undefined ? "not there" : `"${found.value}"`}`,
      drawing: `${drawLife(life.slice(Math.max(0, last - 1)))}\nfinal read: ${found === undefined ? "not found" : `"${found.value}" at ${found.resourceVersion}`}  ✗`,
    },
  ];
}

function drawLife(life: readonly ApiWrite[]): string {
  const first = life[0]?.start ?? 0;
  return life
    .slice(-8)
    .map(({ client, verb, value, start, end, outcome }) => {
      const answer = outcome.kind === "ok" ? `at ${outcome.resourceVersion}` : `${outcome.kind} (${outcome.reason})`;
      return `client ${client}  +${(start - first).toFixed(0)}…+${(end - first).toFixed(0)} ms  ${verb} "${value}"  → ${answer}`;
    })
    .join("\n");
}
