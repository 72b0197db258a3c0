// A container's log as the API asks for it: tail, since, timestamps, a limit of bytes, and the attempt before.
import type { ContainerRuntime } from "@coxswain/container-runtime";
import { marks } from "@coxswain/container-runtime";
import { agentMarks } from "../../core/container/config.ts";

export interface LogQuery {
  readonly follow: boolean;
  /** How many attempts back: 0 is the present one. */
  readonly previous: number;
  readonly timestamps: boolean;
  readonly tailLines: number | undefined;
  readonly sinceMs: number | undefined;
  readonly limitBytes: number | undefined;
}

export type LogQueryResult = { readonly query: LogQuery } | { readonly error: string };

export function parseLogQuery(parameters: URLSearchParams, nowMs: number): LogQueryResult {
  const number = (name: string): number | undefined => {
    const text = parameters.get(name);
    return text === null || text === "" ? undefined : Number(text);
  };
  const flag = (name: string): boolean => ["true", "1", "t"].includes(parameters.get(name) ?? "");
  const [tailLines, sinceSeconds, limitBytes] = [number("tailLines"), number("sinceSeconds"), number("limitBytes")];
  const wrong = Object.entries({ tailLines, sinceSeconds, limitBytes }).find(
    ([, value]) => value !== undefined && !(Number.isSafeInteger(value) && value >= 0),
  );
  if (wrong) return { error: `${wrong[0]} must be a whole number of at least 0` };
  // Kubernetes knows `previous=true`; a number goes further back.
  const depthText = parameters.get("previous") ?? "";
  const depth = /^\d{1,6}$/.test(depthText) ? Number(depthText) : undefined;
  const sinceTime = parameters.get("sinceTime");
  const sinceMs = sinceTime
    ? Date.parse(sinceTime)
    : sinceSeconds === undefined
      ? undefined
      : nowMs - sinceSeconds * 1000;
  if (Number.isNaN(sinceMs)) return { error: `sinceTime is not a time: ${JSON.stringify(sinceTime)}` };
  return {
    query: {
      follow: flag("follow"),
      previous: depth ?? (flag("previous") ? 1 : 0),
      timestamps: flag("timestamps"),
      tailLines,
      sinceMs,
      limitBytes,
    },
  };
}

export type FoundAttempt =
  | { readonly id: string }
  /** The runtime has fewer attempts: how many are missing before the one that is wanted, and which it has. */
  | { readonly missing: number; readonly present: readonly number[] };

/**
 * The container's newest attempt, or an earlier one. One that is made and has not begun says nothing yet, and who followed it would be told at once that it
 * runs no more: until it begins, the one before counts, as with the kubelet.
 */
export async function findAttempt(
  runtime: ContainerRuntime,
  podUid: string,
  container: string,
  previous: number,
): Promise<FoundAttempt> {
  const made = (await runtime.list({ podUid }))
    .filter((summary) => summary.kind === "container" && summary.labels[marks.containerName] === container)
    .toSorted(
      (a, b) =>
        Number(b.labels[agentMarks.attempt] ?? 0) - Number(a.labels[agentMarks.attempt] ?? 0) ||
        b.createdAtMs - a.createdAtMs,
    );
  const begun = await Promise.all(
    made.map(async ({ id, state }) => state !== "created" || (await runtime.inspect(id))?.state !== "created"),
  );
  const attempts = made.filter((_, index) => begun[index]);
  const found = attempts[previous];
  if (found) return { id: found.id };
  return {
    missing: previous - attempts.length,
    present: attempts.map((one) => Number(one.labels[agentMarks.attempt] ?? 0)),
  };
}

export async function* limited(
  chunks: AsyncIterable<{ readonly bytes: Uint8Array }>,
  limitBytes: number | undefined,
): AsyncIterable<Uint8Array> {
  let left = limitBytes ?? Number.POSITIVE_INFINITY;
  for await (const { bytes } of chunks) {
    if (left <= 0) return;
    yield bytes.length > left ? bytes.subarray(0, left) : bytes;
    left -= bytes.length;
  }
}
