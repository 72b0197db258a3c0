// A client's watch over the writers' objects that resumes at the last resourceVersion whenever it breaks, on whichever server answers:
// what informers do. It records what came in the order in which it came.
import { StatusError } from "@coxswain/apimachinery";
import { configMaps } from "@coxswain/api/core/v1";
import type { ConfigMap } from "@coxswain/api/core/v1";
import { isGone } from "@coxswain/client";
import type { Client } from "@coxswain/client";
import type { Clock } from "@coxswain/clock";
import type { ApiEvent, ApiWatch } from "../recording.ts";
import { drillLabel } from "./writers.ts";

export interface Watcher {
  /** Up to this version everything has come. */
  position(): bigint;
  close(): Promise<void>;
  record(complete: boolean): ApiWatch;
}

const askAgainMs = 100;

export function startWatcher(id: number, client: Client, namespace: string, clock: Clock): Watcher {
  const events: ApiEvent[] = [];
  const resumes: ApiWatch["resumes"][number][] = [];
  const stopping = new AbortController();
  const { signal } = stopping;
  const resource = client.resource(configMaps);
  const scope = { namespace, labelSelector: `${drillLabel}=writes` };
  let position = "";
  const note = (type: ApiEvent["type"], object: ConfigMap): void => {
    const resourceVersion = object.metadata.resourceVersion ?? "0";
    events.push({
      at: clock.now(),
      type,
      name: object.metadata.name ?? "",
      value: object.data?.["value"] ?? "",
      resourceVersion,
    });
    position = resourceVersion;
  };
  const list = async (): Promise<void> => {
    const listed = await resource.list({ ...scope, signal });
    for (const object of listed.items) note("LISTED", object);
    position = listed.metadata.resourceVersion ?? "";
  };
  const follow = async (): Promise<void> => {
    if (position === "") await list();
    for await (const event of resource.watch({
      ...scope,
      resourceVersion: position,
      allowWatchBookmarks: true,
      signal,
    }))
      if (event.type !== "ERROR") note(event.type, event.object);
  };
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      let why = "the server ended the stream";
      let gone = false;
      try {
        await follow();
      } catch (error) {
        if (signal.aborted) return;
        gone = isGone(error);
        why =
          error instanceof StatusError
            ? `${error.status.code} ${error.message}`
            : String(error instanceof Error ? error.message : error);
      }
      resumes.push({ at: clock.now(), from: position, why, gone });
      if (gone) position = "";
      await clock.sleep(askAgainMs);
    }
  };
  const ended = run();
  return {
    position: () => BigInt(position === "" ? 0 : position),
    async close() {
      stopping.abort();
      await ended;
    },
    record: (complete) => ({ id, server: client.server(), events, resumes, complete }),
  };
}
