// Waits until objects are gone: by a watch from what was seen, so that nothing is missed and nobody is asked twice.
import { StatusError } from "@coxswain/apimachinery";
import { CommandError } from "../failure.ts";
import { withProgress } from "../print/progress.ts";
import type { Session } from "../session.ts";
import { getObject, isNotFound, pathOf } from "./api.ts";
import type { Info } from "./builder.ts";
import { eventsOf } from "./events-of.ts";

/** What went wrong; `timeoutMs` 0 waits for as long as it takes. */
export async function waitUntilGone(session: Session, infos: readonly Info[], timeoutMs: number): Promise<unknown[]> {
  const errors: unknown[] = [];
  const late = new AbortController();
  const timer = timeoutMs > 0 ? session.clock.setTimeout(() => late.abort(), timeoutMs) : undefined;
  const signal = AbortSignal.any([session.signal, late.signal]);
  let done = 0;
  const others = infos.length === 1 ? (): string => "" : (): string => `: ${done} of ${infos.length} are`;
  const soFar = (): string => `waiting until ${infos[done]?.name ?? "the last"} is gone${others()}`;
  const waitForAll = async (): Promise<void> => {
    for (const info of infos) {
      try {
        await gone(session, info, signal);
      } catch (error) {
        if (late.signal.aborted)
          errors.push(
            new CommandError(`timed out waiting for the condition on ${info.descriptor.resource}/${info.name}`),
          );
        else if (error instanceof StatusError) errors.push(error);
        else throw error;
      }
      done += 1;
    }
  };
  try {
    await withProgress(session, soFar, waitForAll);
  } finally {
    timer?.cancel();
  }
  return errors;
}

async function gone(session: Session, info: Info, signal: AbortSignal): Promise<void> {
  const uid = info.object.metadata.uid;
  for (;;) {
    let resourceVersion: string | undefined;
    try {
      const now = await getObject(session, info.descriptor, info.namespace, info.name);
      if (uid !== undefined && now.metadata.uid !== uid) return;
      resourceVersion = now.metadata.resourceVersion;
    } catch (error) {
      if (isNotFound(error)) return;
      throw error;
    }
    signal.throwIfAborted();
    const stream = await session.client.stream({
      method: "GET",
      path: pathOf(info.descriptor, info.namespace),
      query: { watch: true, fieldSelector: `metadata.name=${info.name}`, resourceVersion },
      signal,
    });
    for await (const event of eventsOf(stream.body)) if (event.type === "DELETED") return;
    signal.throwIfAborted(); // the server ended the watch: look again
  }
}
