// The laws of watches through the API, over the whole life of a client that resumes at the last resourceVersion it has seen, whichever
// server answers: no change is skipped, none comes twice, versions rise, no bookmark is ahead of events that are still to come.
import type { ApiEvent, ApiWatch, ApiWrite } from "../recording.ts";
import { verdict } from "./verdict.ts";
import type { Verdict, Violation } from "./verdict.ts";

const promise = "watches resume with no gap and no repetition";

export function checkApiWatches(writes: readonly ApiWrite[], watches: readonly ApiWatch[]): Verdict {
  const violations = watches.flatMap((watch) => judge(watch, writes));
  const events = watches.reduce((sum, watch) => sum + watch.events.length, 0);
  const resumes = watches.reduce((sum, watch) => sum + watch.resumes.length, 0);
  const cut = watches.filter(({ complete }) => !complete).map(({ id }) => id);
  return verdict(
    promise,
    events,
    violations.slice(0, 3),
    `${events} events in ${watches.length} watches that were resumed ${resumes} times: none skipped, none twice, all in order`,
    watches.length === 0
      ? "nobody watched"
      : cut.length > 0
        ? `watches ${cut.join(", ")} had not seen everything when the drill ended`
        : undefined,
  );
}

function judge(watch: ApiWatch, writes: readonly ApiWrite[]): readonly Violation[] {
  const violations: Violation[] = [];
  const say = (because: string, events: readonly ApiEvent[], more = ""): void =>
    void violations.push({ because: `watch ${watch.id}: ${because}`, drawing: `${draw(watch, events)}${more}` });
  const seen = new Map<string, ApiEvent>();
  const last = new Map<string, ApiEvent>();
  let position = 0n;
  let before: ApiEvent | undefined;
  for (const event of watch.events) {
    const version = BigInt(event.resourceVersion);
    if (event.type === "LISTED") {
      // A list stands for whatever led to it; events go on behind it.
      seen.set(`${event.name} ${event.resourceVersion}`, event);
      last.set(event.name, event);
      if (version > position) position = version;
      before = event;
      continue;
    }
    if (event.type === "BOOKMARK") {
      if (version < position && before) say(`a bookmark went back to ${version} after ${position}`, [before, event]);
    } else {
      const twice = seen.get(`${event.name} ${event.resourceVersion}`);
      if (twice) say(`${event.name} at ${version} came twice`, [twice, event]);
      else if (version <= position && before)
        say(
          `${event.name} at ${version} came after ${before.type === "BOOKMARK" ? "the bookmark" : "an event"} at ${position}`,
          [before, event],
        );
      seen.set(`${event.name} ${event.resourceVersion}`, event);
      last.set(event.name, event);
    }
    if (version > position) position = version;
    before = event;
  }
  if (watch.complete && !watch.resumes.some(({ gone }) => gone)) violations.push(...skipped(watch, writes, seen));
  return violations;
}

/** Of what was acknowledged after the watch began, everything has come. */
function skipped(
  watch: ApiWatch,
  writes: readonly ApiWrite[],
  seen: ReadonlyMap<string, ApiEvent>,
): readonly Violation[] {
  const began = watch.events.find(({ type }) => type !== "LISTED")?.at ?? Number.POSITIVE_INFINITY;
  for (const { name, value, verb, start, outcome } of writes) {
    if (outcome.kind !== "ok" || verb === "delete" || start < began) continue;
    const event = seen.get(`${name} ${outcome.resourceVersion}`);
    if (event?.value === value) continue;
    const around = watch.events.filter((each) => each.name === name).slice(-3);
    return [
      {
        because: `watch ${watch.id}: ${verb} of ${name} was acknowledged at ${outcome.resourceVersion} and ${event ? `came as "${event.value}"` : "never came"}`,
        drawing: `${draw(watch, around)}\nmissing: ${name} = "${value}" at ${outcome.resourceVersion}  ✗`,
      },
    ];
  }
  return [];
}

function draw(watch: ApiWatch, events: readonly ApiEvent[]): string {
  const first = events[0]?.at ?? 0;
  return events
    .flatMap((event, index) => [
      ...watch.resumes
        .filter(({ at }) => index > 0 && at > (events[index - 1]?.at ?? 0) && at <= event.at)
        .map(({ from, why }) => `  ── resumed from ${from}: ${why}`),
      `  +${(event.at - first).toFixed(0)} ms  ${event.type} ${event.name} = "${event.value}" at ${event.resourceVersion}`,
    ])
    .join("\n");
}
