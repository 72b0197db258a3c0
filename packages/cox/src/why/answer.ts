// The shape of an answer to "why": what state an object is in, the chain of causes behind it, each with who recorded it, and what would
// help. Says how an answer is written for people; finds out nothing.
import { humanDuration } from "@coxswain/apimachinery";

export interface Cause {
  /** Whom it is about: "node/a", "container/web". */
  readonly object: string;
  readonly says: string;
  /** Who recorded it: "event FailedMount", "condition Ready", "scheduler". */
  readonly source: string;
  /** When, as the record says. */
  readonly since?: string | undefined;
  /** What was written, word for word: the end of a log. */
  readonly lines?: readonly string[];
  readonly because?: readonly Cause[];
}

export interface Answer {
  readonly object: string;
  readonly namespace?: string | undefined;
  /** A clause without a subject: "waits for a node". */
  readonly state: string;
  /** False when there is nothing to be explained. */
  readonly trouble: boolean;
  readonly because: readonly Cause[];
  /** What a person can do, the cheapest first. */
  readonly fixes: readonly string[];
}

export function answerText(answer: Answer, now: number, bold: (text: string) => string = (text) => text): string {
  const where = answer.namespace === undefined ? "" : ` in ${answer.namespace}`;
  const fixes = answer.fixes.map((fix, at) => `${at === 0 ? "What helps: " : "            "}${fix}\n`);
  return `${bold(`${answer.object}${where}`)} ${answer.state}\n${branches(answer.because, "", now)}${fixes.join("")}`;
}

function branches(causes: readonly Cause[], before: string, now: number): string {
  return causes
    .map((cause, at) => {
      const last = at === causes.length - 1;
      const inner = `${before}${last ? "   " : "│  "}`;
      const age = cause.since === undefined ? "" : `, ${humanDuration(Math.max(0, now - Date.parse(cause.since)))} ago`;
      const lines = (cause.lines ?? []).map((line) => `${inner}  | ${line}\n`).join("");
      return `${before}${last ? "└─" : "├─"} ${cause.object}: ${cause.says}  (${cause.source}${age})\n${lines}${branches(cause.because ?? [], inner, now)}`;
    })
    .join("");
}
