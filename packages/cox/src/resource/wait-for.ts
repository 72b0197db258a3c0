// Waits until an object is as wanted: reads it, then follows its changes; a watch that the server ends is begun again.
import { CommandError } from "../failure.ts";
import type { Session } from "../session.ts";
import { listObjects, pathOf } from "./api.ts";
import type { Obj } from "./api.ts";
import type { Info } from "./builder.ts";
import { eventsOf } from "./events-of.ts";

/** `wanted` sees undefined when there is no such object. Throws kubectl's words when the time is up; 0 waits without end. */
export async function waitForObject(
  session: Session,
  info: Pick<Info, "descriptor" | "namespace" | "name">,
  timeoutMs: number,
  wanted: (object: Obj | undefined) => boolean,
): Promise<Obj | undefined> {
  const late = new AbortController();
  const timer = timeoutMs > 0 ? session.clock.setTimeout(() => late.abort(), timeoutMs) : undefined;
  const signal = AbortSignal.any([session.signal, late.signal]);
  const fieldSelector = `metadata.name=${info.name}`;
  try {
    for (;;) {
      const list = await listObjects(session, info.descriptor, info.namespace, { fieldSelector });
      if (wanted(list.items[0])) return list.items[0];
      signal.throwIfAborted();
      const stream = await session.client.stream({
        method: "GET",
        path: pathOf(info.descriptor, info.namespace),
        query: { watch: true, fieldSelector, resourceVersion: list.metadata.resourceVersion },
        signal,
      });
      for await (const event of eventsOf<Obj>(stream.body)) {
        if (event.type === "ERROR") break;
        if (event.type === "BOOKMARK") continue;
        const now = event.type === "DELETED" ? undefined : event.object;
        if (wanted(now)) return now;
      }
      signal.throwIfAborted();
    }
  } catch (error) {
    if (!late.signal.aborted) throw error;
    throw new CommandError(`timed out waiting for the condition on ${info.descriptor.resource}/${info.name}`, {
      cause: error,
    });
  } finally {
    timer?.cancel();
  }
}
