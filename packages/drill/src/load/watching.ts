// A watch that is written down for as long as it is wanted. It resumes by itself, as the client of `etcd-api` does; what it records
// is what a user of that client is promised.
import { CompactedError, GrpcError } from "@coxswain/etcd-api";
import type { EtcdClient } from "@coxswain/etcd-api";
import type { WatchRequest } from "../history.ts";
import { keyRange, watchEventOf } from "./etcd-requests.ts";
import type { Recorder, WatchRecording } from "./recorder.ts";

export interface Watching {
  readonly recording: WatchRecording;
  /** Resolves when it has ended, for whatever reason; that is recorded. With the revision, if it wanted what was compacted. */
  readonly ended: Promise<number | undefined>;
  close(): Promise<void>;
}

export function startWatching(
  client: EtcdClient,
  recorder: Recorder,
  who: { readonly client: number; readonly member?: string },
  request: WatchRequest,
): Watching {
  const recording = recorder.watch(who, request);
  const aborter = new AbortController();
  const ended = follow(client, request, recording, aborter.signal);
  return {
    recording,
    ended,
    async close() {
      aborter.abort();
      await ended;
    },
  };
}

const filterNames = { put: "NOPUT", delete: "NODELETE" } as const;

async function follow(
  client: EtcdClient,
  request: WatchRequest,
  recording: WatchRecording,
  signal: AbortSignal,
): Promise<number | undefined> {
  try {
    const batches = client.watch({
      ...keyRange(request),
      startRevision: request.startRevision ?? 0,
      prevKv: request.previous ?? false,
      progressNotify: true,
      filters: (request.filters ?? []).map((filter) => filterNames[filter]),
      signal,
    });
    for await (const { revision, events, created } of batches)
      recording.response({ revision, created, events: events.map(watchEventOf) });
    recording.end({ kind: "closed" });
  } catch (error) {
    if (signal.aborted) recording.end({ kind: "closed" });
    else if (error instanceof CompactedError) {
      recording.end({ kind: "compacted", reason: error.details, compactRevision: error.compactRevision });
      return error.compactRevision;
    } else if (error instanceof GrpcError) recording.end({ kind: "failed", reason: error.details });
    else throw error;
  }
  return undefined;
}
