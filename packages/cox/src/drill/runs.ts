// Where drills are kept: one directory for each, with what was planned, the journal, the recording and the reports.
import {
  appendFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  closeSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { findDrill, htmlReport, judge, markdownReport, paced, summarize } from "@coxswain/drill";
import type { Journal, JournalEntry, Recording, Summary } from "@coxswain/drill";
import { CommandError } from "../failure.ts";
import type { TargetConfig } from "./target.ts";

export interface Plan {
  readonly target: TargetConfig;
  readonly drill: string;
  readonly seed: number;
  /** Process id of the driver. */
  readonly driver: number;
}

export interface Run {
  readonly id: string;
  readonly directory: string;
}

export const runsIn = (directory: string): readonly Run[] =>
  existsSync(directory)
    ? readdirSync(directory)
        .filter((id) => existsSync(join(directory, id, "plan.json")))
        .sort(
          (a, b) =>
            statSync(join(directory, a, "plan.json")).mtimeMs - statSync(join(directory, b, "plan.json")).mtimeMs,
        )
        .map((id) => ({ id, directory: join(directory, id) }))
    : [];

export function findRun(directory: string, id: string): Run {
  const runs = runsIn(directory);
  const found = id === "last" ? runs.at(-1) : runs.find((run) => run.id === id);
  if (found === undefined)
    throw new CommandError(
      `error: there is no drill "${id}" in ${directory}; there are ${
        runs
          .map((run) => run.id)
          .slice(-5)
          .join(", ") || "none"
      }`,
    );
  return found;
}

export function beginRun(directory: string, id: string, plan: Plan): Run {
  const own = join(directory, id);
  mkdirSync(own, { recursive: true });
  writeFileSync(join(own, "plan.json"), `${JSON.stringify(plan, null, 2)}\n`);
  writeFileSync(join(own, "heartbeat"), "");
  return { id, directory: own };
}

export const readPlan = ({ directory }: Run): Plan =>
  JSON.parse(readFileSync(join(directory, "plan.json"), "utf8")) as Plan;

/** Each entry is on disk before what it tells of is done. */
export function journalOf({ directory }: Run): Journal {
  const file = join(directory, "journal.jsonl");
  return {
    async write(entry) {
      const handle = openSync(file, "a");
      try {
        appendFileSync(handle, `${JSON.stringify(entry)}\n`);
        fsyncSync(handle);
      } finally {
        closeSync(handle);
      }
    },
    beat: () => writeFileSync(join(directory, "heartbeat"), ""),
  };
}

/** A line that a crash has cut short was not yet acted upon. */
export function entriesOf({ directory }: Run): readonly JournalEntry[] {
  const file = join(directory, "journal.jsonl");
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as JournalEntry);
}

export const heartbeatMs = ({ directory }: Run): number => statSync(join(directory, "heartbeat")).mtimeMs;

export const readRecording = ({ id, directory }: Run): Recording => {
  const file = join(directory, "recording.json");
  if (!existsSync(file)) throw new CommandError(`error: ${id} has no recording: it did not come to its end`);
  return JSON.parse(readFileSync(file, "utf8")) as Recording;
};

export const readSummary = ({ directory }: Run): Summary | undefined =>
  existsSync(join(directory, "report.json"))
    ? (JSON.parse(readFileSync(join(directory, "report.json"), "utf8")) as Summary)
    : undefined;

/** Judges a recording and writes its three reports. */
export function writeReports(runs: string, run: Run, recording: Recording): Summary {
  const known = findDrill(recording.drill);
  if (known === undefined) throw new CommandError(`error: nobody knows the drill ${recording.drill} any more`);
  const drill = paced(known, recording.pace ?? "default");
  const earlier = runsIn(runs).filter(({ id }) => id !== run.id && id.startsWith(drill.id.toLowerCase()));
  const previous = earlier
    .filter(({ directory }) => statSync(directory).birthtimeMs < statSync(run.directory).birthtimeMs)
    .map(readSummary)
    .findLast((each) => each !== undefined && each.drill === drill.id);
  const summary = summarize(drill, recording, judge(drill, recording), previous);
  writeFileSync(join(run.directory, "report.json"), `${JSON.stringify(summary, null, 2)}\n`);
  writeFileSync(join(run.directory, "report.md"), markdownReport(summary));
  writeFileSync(join(run.directory, "report.html"), htmlReport(summary, recording));
  return summary;
}

export function writeRecording({ directory }: Run, recording: Recording): void {
  writeFileSync(join(directory, "recording.json"), JSON.stringify(recording));
}
