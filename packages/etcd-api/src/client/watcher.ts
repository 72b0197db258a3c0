// All watches of a client on one stream. Each is an async iterable that survives lost connections: it goes on at the
// revision after the last it has seen, on whichever endpoint answers. A reader that falls behind is taken off the server
// (its events stay there) and put on again when it has caught up, so that it holds back nobody and nothing is lost.
import { frame } from "../grpc/framing.ts";
import { createInbox } from "../grpc/inbox.ts";
import type { Inbox } from "../grpc/inbox.ts";
import { GrpcError, statusCodes } from "../grpc/status.ts";
import type { Timers } from "../grpc/timers.ts";
import { watchRequest, watchResponse } from "../messages/watch.ts";
import type { Event, WatchRequest, WatchResponse } from "../messages/watch.ts";
import { decode } from "../wire/message.ts";
import type { Init } from "../wire/message.ts";
import type { Balancer } from "./balancer.ts";
import type { ClientStream } from "./channel.ts";

export interface WatchOptions {
  readonly key: Uint8Array | string;
  readonly rangeEnd?: Uint8Array | string;
  /** First revision wanted. Absent or 0: whatever comes after the watch was created. */
  readonly startRevision?: number;
  readonly prevKv?: boolean;
  /** Ask the server for a progress notification when nothing has happened for a while. */
  readonly progressNotify?: boolean;
  readonly filters?: readonly ("NOPUT" | "NODELETE")[];
  readonly signal?: AbortSignal;
}

/** Events of whole revisions, in order; without events a progress notification: nothing up to `revision` is missing. */
export interface WatchBatch {
  readonly revision: number;
  readonly events: readonly Event[];
  /** True for the first batch of a watch: the server has accepted it, and it sees everything after `revision`. */
  readonly created: boolean;
}

/** The revision to go on from has been compacted away: list again. */
export class CompactedError extends GrpcError {
  readonly compactRevision: number;

  constructor(compactRevision: number) {
    super(statusCodes.outOfRange, "etcdserver: mvcc: required revision has been compacted");
    this.compactRevision = compactRevision;
  }
}

export interface Watcher {
  watch(options: WatchOptions): AsyncIterable<WatchBatch>;
  /** Asks the server to tell all watches of this client how far they are. */
  requestProgress(): void;
  close(): void;
}

interface Watch {
  readonly options: WatchOptions;
  readonly inbox: Inbox<WatchBatch>;
  /** First revision not yet delivered; 0 before the server has said what "now" is. */
  nextRevision: number;
  announced: boolean;
  /** Parts of a batch that came in fragments. */
  fragments: Event[];
  id: number;
}

const batchesAWatchMayHold = 1000;
const path = "/etcdserverpb.Watch/Watch";
const backoffMs = { first: 20, most: 1000 };

export function createWatcher(balancer: Balancer, timers: Timers): Watcher {
  /** Watches the server knows on this stream, by the id we chose. */
  const active = new Map<number, Watch>();
  const all = new Set<Watch>();
  let lastId = 0;
  let stream: ClientStream | undefined;
  let running = false;
  let closed = false;

  const send = (request: Init<WatchRequest>): void => stream?.send(frame(watchRequest, request));
  const create = (watch: Watch): void => {
    watch.id = ++lastId;
    watch.fragments = [];
    active.set(watch.id, watch);
    const { key, rangeEnd, prevKv, progressNotify, filters } = watch.options;
    send({
      createRequest: {
        key,
        rangeEnd,
        prevKv,
        progressNotify,
        filters,
        startRevision: watch.nextRevision,
        watchId: watch.id,
        fragment: true,
      },
    });
  };
  const takeOff = (watch: Watch): void => {
    if (active.delete(watch.id)) send({ cancelRequest: { watchId: watch.id } });
  };
  const finish = (watch: Watch): void => {
    takeOff(watch);
    all.delete(watch);
    if (all.size === 0) stream?.cancel();
  };

  const deliver = (watch: Watch, batch: WatchBatch): void => {
    watch.inbox.push(batch);
    if (watch.inbox.full) takeOff(watch);
  };
  const onResponse = (response: WatchResponse): void => {
    const revision = response.header?.revision ?? 0;
    if (response.watchId === -1 && !response.canceled && !response.created) {
      for (const watch of active.values())
        if (watch.announced) deliver(watch, { revision, events: [], created: false });
      return;
    }
    const watch = active.get(response.watchId);
    if (watch === undefined) return;
    if (response.canceled) {
      active.delete(response.watchId);
      all.delete(watch);
      watch.inbox.fail(
        response.compactRevision > 0
          ? new CompactedError(response.compactRevision)
          : new GrpcError(statusCodes.cancelled, response.cancelReason),
      );
      return;
    }
    if (response.created) {
      if (watch.nextRevision === 0) watch.nextRevision = revision + 1;
      if (!watch.announced) deliver(watch, { revision: watch.nextRevision - 1, events: [], created: true });
      watch.announced = true;
      if (response.events.length === 0) return;
    }
    if (response.fragment) {
      watch.fragments.push(...response.events);
      return;
    }
    const events = watch.fragments.length === 0 ? response.events : [...watch.fragments, ...response.events];
    watch.fragments = [];
    const last = events.at(-1)?.kv?.modRevision;
    watch.nextRevision = Math.max(watch.nextRevision, (last ?? revision) + 1);
    deliver(watch, { revision: last === undefined ? revision : Math.max(revision, last), events, created: false });
  };

  const run = async (): Promise<void> => {
    let waitMs = backoffMs.first;
    while (all.size > 0 && !closed) {
      try {
        const opened = await balancer.stream(path, { metadata: { hasleader: "true" } }, (bytes) => {
          waitMs = backoffMs.first;
          onResponse(decode(watchResponse, bytes));
        });
        stream = opened;
        active.clear();
        for (const watch of all) if (!watch.inbox.full) create(watch);
        if (all.size === 0) opened.cancel();
        // Ends with the stream; its messages have gone the short way.
        for await (const _message of opened.messages);
      } catch (error) {
        if (!(error instanceof GrpcError)) throw error;
        if (all.size > 0 && stream !== undefined) balancer.failed(stream.endpoint, error);
      }
      stream = undefined;
      active.clear();
      if (all.size === 0 || closed) return;
      await new Promise<void>((resolve) => timers.setTimeout(resolve, waitMs));
      waitMs = Math.min(waitMs * 2, backoffMs.most);
    }
  };
  const ensureRunning = (): void => {
    if (running) return;
    running = true;
    run()
      .catch((error: unknown) => {
        for (const watch of all) watch.inbox.fail(error instanceof Error ? error : new Error(String(error)));
        all.clear();
      })
      .finally(() => {
        running = false;
        if (all.size > 0 && !closed) ensureRunning();
      });
  };

  return {
    watch(options) {
      options.signal?.throwIfAborted();
      const inbox = createInbox<WatchBatch>(
        batchesAWatchMayHold,
        () => {
          if (all.has(watch) && !active.has(watch.id) && stream !== undefined) create(watch);
        },
        () => finish(watch),
      );
      const watch: Watch = {
        options,
        inbox,
        nextRevision: options.startRevision ?? 0,
        announced: false,
        fragments: [],
        id: 0,
      };
      all.add(watch);
      options.signal?.addEventListener(
        "abort",
        () => {
          inbox.fail(options.signal?.reason as Error);
          finish(watch);
        },
        { once: true },
      );
      if (stream !== undefined) create(watch);
      else ensureRunning();
      return inbox;
    },
    requestProgress: () => send({ progressRequest: {} }),
    close() {
      closed = true;
      for (const watch of all) watch.inbox.end();
      all.clear();
      stream?.cancel();
    },
  };
}
