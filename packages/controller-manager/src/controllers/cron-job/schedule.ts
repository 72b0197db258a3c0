// When a schedule is due. The only importer of croner, which agrees with Kubernetes on day-of-month OR weekday and on names;
// "@every 1h30m" is ours. Times are milliseconds since the epoch.
import { Cron } from "croner";
import { parseDuration } from "@coxswain/daemon";
import { rfc3339 } from "@coxswain/clock";

export interface Schedule {
  /** The last time after `fromMs` and not after `untilMs`; undefined when there is none. */
  lastBetween(fromMs: number, untilMs: number): number | undefined;
  /** How many times lie between, counted up to `most`. */
  countBetween(fromMs: number, untilMs: number, most: number): number;
  nextAfter(ms: number): number | undefined;
}

/** What cannot be read, by Kubernetes' reason. */
export interface Unreadable {
  readonly reason: "UnparseableSchedule" | "UnknownTimeZone";
  readonly wrong: string;
}

/** A sentence when the schedule or the time zone means nothing. */
export function parseSchedule(text: string, timeZone: string | undefined): Schedule | Unreadable {
  const unparseable = (why: string): Unreadable => ({
    reason: "UnparseableSchedule",
    wrong: `unparseable schedule: ${JSON.stringify(text)} : ${why}`,
  });
  if (timeZone !== undefined && !isTimeZone(timeZone))
    return {
      reason: "UnknownTimeZone",
      wrong: `invalid timeZone: ${JSON.stringify(timeZone)}: unknown time zone ${timeZone}`,
    };
  const every = /^@every\s+(.+)$/.exec(text.trim());
  if (every) {
    const ms = parseDuration(every[1] ?? "");
    return ms === undefined || ms < 1_000
      ? unparseable("failed to parse duration")
      : periodic(Math.floor(ms / 1000) * 1000);
  }
  let cron: Cron;
  try {
    cron = new Cron(text, { timezone: timeZone ?? "UTC", paused: true });
  } catch (error) {
    return unparseable(error instanceof Error ? error.message : String(error));
  }
  const nextAfter = (ms: number): number | undefined => cron.nextRun(rfc3339(ms))?.getTime();
  return {
    nextAfter,
    lastBetween(fromMs, untilMs) {
      // Asked a second later, because croner looks strictly before.
      const last = cron.previousRuns(1, rfc3339(untilMs + 1_000))[0]?.getTime();
      return last !== undefined && last > fromMs && last <= untilMs ? last : undefined;
    },
    countBetween(fromMs, untilMs, most) {
      let count = 0;
      for (let at = nextAfter(fromMs); at !== undefined && at <= untilMs && count < most; at = nextAfter(at)) count++;
      return count;
    },
  };
}

/** Whether this machine knows the zone; its names come from the same list everywhere, but lists grow older. */
function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** Counts from the last run, or from the beginning of the epoch. */
function periodic(ms: number): Schedule {
  const lastAt = (until: number): number => Math.floor(until / ms) * ms;
  return {
    nextAfter: (at) => lastAt(at) + ms,
    lastBetween: (from, until) => (lastAt(until) > from ? lastAt(until) : undefined),
    countBetween: (from, until, most) => Math.min(most, Math.floor(until / ms) - Math.floor(from / ms)),
  };
}
