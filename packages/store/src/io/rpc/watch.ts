// The Watch service: many watches on one stream. A watch whose stream is full is told so to mvcc, which then catches it up from history:
// nothing is queued here, nobody else is held back.
import { fragments } from "@coxswain/mvcc";
import type { Watch, WatchBatch } from "@coxswain/mvcc";
import type { Init, StreamCall, WatchCreateRequest, WatchRequest, WatchResponse } from "@coxswain/etcd-api";
import type { Timer } from "@coxswain/clock";
import { refuseWatch } from "./access.ts";
import { etcdError } from "./errors.ts";
import type { Served } from "./ports.ts";

/** etcd's id for "no watch". */
const noWatchId = -1;
const zeroByte = Buffer.from([0]);

export async function serveWatch(
  served: Served,
  requests: AsyncIterable<WatchRequest>,
  call: StreamCall<WatchResponse>,
): Promise<void> {
  const stream = new WatchStream(served, call);
  try {
    for await (const request of requests)
      stream.take(request, request.createRequest ? await refuseWatch(served, call, request.createRequest) : undefined);
    await over(call.signal);
  } finally {
    stream.close();
  }
}

/** A client that has said all it has to say goes on listening. */
function over(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

interface Open {
  readonly id: number;
  readonly watch: Watch;
  readonly notifies: boolean;
  /** Something was sent since the last look: no need for a progress notification. */
  active: boolean;
}

class WatchStream {
  readonly #served: Served;
  readonly #call: StreamCall<WatchResponse>;
  readonly #open = new Map<number, Open>();
  #nextId = 0;
  #full = false;
  #progressAsked = false;
  #timer: Timer | undefined;

  constructor(served: Served, call: StreamCall<WatchResponse>) {
    this.#served = served;
    this.#call = call;
  }

  /** `refused`: why the watch that is asked for may not be; in words for the client. */
  take(request: WatchRequest, refused: string | undefined): void {
    if (request.createRequest) this.#create(request.createRequest, refused);
    else if (request.cancelRequest) this.#cancel(request.cancelRequest.watchId);
    else if (request.progressRequest) {
      this.#progressAsked = true;
      this.#answerProgress();
    }
  }

  close(): void {
    this.#timer?.cancel();
    for (const { watch } of this.#open.values()) watch.cancel();
    this.#open.clear();
  }

  #create(request: WatchCreateRequest, refused: string | undefined): void {
    const served = this.#served;
    const key = request.key.length === 0 ? zeroByte : request.key;
    const refusal = refused ?? this.#refuse(request, key);
    if (refusal !== undefined) {
      this.#send({ watchId: noWatchId, created: true, canceled: true, cancelReason: refusal });
      return;
    }
    const id = request.watchId === 0 ? this.#freeId() : request.watchId;
    this.#send({ watchId: id, created: true });
    const maxBytes = served.limits.maxRequestBytes;
    const watch = served.mvcc().watches.watch(
      {
        key,
        rangeEnd: request.rangeEnd,
        startRevision: request.startRevision,
        prevKv: request.prevKv,
        filters: request.filters,
      },
      {
        send: (batch) => this.#deliver(id, batch, request.fragment ? maxBytes : undefined),
        compacted: (compactRevision) => {
          this.#open.delete(id);
          this.#send({ watchId: id, canceled: true, compactRevision }, 0);
        },
      },
    );
    this.#open.set(id, { id, watch, notifies: request.progressNotify, active: false });
    if (request.progressNotify) this.#armProgress();
    if (!watch.synced) served.pumpWatches();
  }

  #refuse(request: WatchCreateRequest, key: Buffer): string | undefined {
    if (request.startRevision < 0) return etcdError("compacted").details;
    if (request.watchId !== 0 && this.#open.has(request.watchId))
      return "mvcc: duplicate watch ID provided on the WatchStream";
    const { rangeEnd } = request;
    const endless = rangeEnd.length === 0 || (rangeEnd.length === 1 && rangeEnd[0] === 0);
    return !endless && Buffer.compare(key, rangeEnd) >= 0 ? "mvcc: watcher range is empty" : undefined;
  }

  #freeId(): number {
    while (this.#open.has(this.#nextId)) this.#nextId++;
    return this.#nextId++;
  }

  #cancel(id: number): void {
    const open = this.#open.get(id);
    if (!open) return;
    open.watch.cancel();
    this.#open.delete(id);
    this.#send({ watchId: id, canceled: true });
  }

  #deliver(id: number, batch: WatchBatch, maxBytes: number | undefined): boolean {
    const open = this.#open.get(id);
    if (open) open.active = true;
    const parts = maxBytes === undefined ? [{ ...batch, fragment: false }] : fragments(batch, maxBytes);
    for (const { revision, events, fragment } of parts) this.#send({ watchId: id, events, fragment }, revision);
    return !this.#full;
  }

  #send(response: Init<WatchResponse>, revision?: number): void {
    if (this.#call.send({ header: this.#served.header(revision), ...response }) || this.#full) return;
    this.#full = true;
    void this.#call.drained().then(() => {
      this.#full = false;
      if (this.#call.signal.aborted) return;
      for (const { watch } of this.#open.values()) watch.resume();
      this.#served.pumpWatches();
    });
  }

  /**
   * Answers for the whole stream once every watch on it has seen everything: a client may rely on that. A client that comes from a member
   * that was further is not told of the revision here before it reaches what that client has seen (etcd's issue 20221).
   */
  #answerProgress(): void {
    if (!this.#progressAsked) return;
    if (this.#full || [...this.#open.values()].some(({ watch }) => !watch.synced || watch.ahead)) {
      this.#armProgress();
      return;
    }
    this.#progressAsked = false;
    this.#send({ watchId: noWatchId });
  }

  #armProgress(): void {
    const { clock, limits } = this.#served;
    const delayMs = this.#progressAsked ? 20 : limits.progressIntervalMs;
    if (this.#progressAsked) {
      this.#timer?.cancel();
      this.#timer = undefined;
    }
    this.#timer ??= clock.setTimeout(() => {
      this.#timer = undefined;
      const asked = this.#progressAsked;
      this.#answerProgress();
      if (!asked) for (const open of this.#open.values()) this.#notify(open);
      if (this.#timer === undefined && [...this.#open.values()].some(({ notifies }) => notifies)) this.#armProgress();
    }, delayMs);
  }

  #notify(open: Open): void {
    if (!open.notifies) return;
    const quiet = !open.active;
    if (quiet) open.watch.progress();
    open.active = false;
  }
}
