// How long a request may take: what the client says in `timeout`, at most a minute. Watches and streams have times of their own.
import { StatusError, statuses } from "@coxswain/apimachinery";
import type { Clock } from "@coxswain/clock";
import { parseDuration } from "@coxswain/daemon";
import type { RequestInfo } from "../../core/request.ts";
import { isLongRunning } from "../../core/request-info.ts";

/** kube-apiserver's `--request-timeout`. */
const mostMs = 60_000;

/**
 * Resolves like `work`, or rejects with a 504 when that takes too long: what was begun may still come to an end. Throws 400 for a
 * `timeout` that is none.
 */
export async function withinDeadline<T>(
  info: RequestInfo,
  query: URLSearchParams,
  clock: Clock,
  work: () => Promise<T>,
): Promise<T> {
  if (isLongRunning(info)) return work();
  const limitMs = timeoutOf(query);
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = clock.setTimeout(
    () => reject(new StatusError(statuses.timeout("request did not complete within the allotted timeout", 0))),
    limitMs,
  );
  try {
    return await Promise.race([work(), promise]);
  } finally {
    timer.cancel();
  }
}

/** Throws 400 for a `timeout` that is none. */
export function timeoutOf(query: URLSearchParams): number {
  const text = query.get("timeout");
  if (text === null || text === "") return mostMs;
  const wantedMs = parseDuration(text);
  if (wantedMs === undefined) {
    const why = `invalid timeout specified in the request URL - time: invalid duration ${JSON.stringify(text)}`;
    throw new StatusError(statuses.badRequest(why));
  }
  return wantedMs <= 0 ? mostMs : Math.min(wantedMs, mostMs);
}
