// Histories that are right by construction: concurrent clients over the reference store, each operation taking effect at one
// instant between its start and its end, some with an outcome that nobody was told, and watches that see every event.
import type { Random } from "@coxswain/clock";
import type { History, Operation, Outcome, Request, TxnOperation, WatchRecord, WatchResponse } from "../src/history.ts";
import { createReferenceStore } from "./reference-store.ts";
import type { ReferenceStore } from "./reference-store.ts";

export interface RecordedOptions {
  readonly clients: number;
  readonly operations: number;
  readonly keys: number;
  /** Share of operations whose outcome is lost, half of which had an effect. */
  readonly unknown?: number;
  readonly watches?: number;
  /** Default true. Without them there is one explanation less for a key that is gone. */
  readonly leases?: boolean;
}

export interface Recorded {
  readonly history: History;
  readonly store: ReferenceStore;
}

export function recorded(random: Random, options: RecordedOptions): Recorded {
  const store = createReferenceStore();
  const operations: Operation[] = [];
  const pending = schedule(random, options).sort((a, b) => a.effect - b.effect);
  const leases: string[] = [];
  for (const [id, { client, start, effect, end, fate }] of pending.entries()) {
    const request = anyRequest(random, options, id, store, leases);
    const happens = fate !== "lost";
    const response = happens ? store.perform(request) : undefined;
    if (request.kind === "grant" && response !== undefined) leases.push(request.lease);
    const outcome: Outcome =
      fate === "ok"
        ? response === undefined
          ? { kind: "failed", reason: "refused" }
          : { kind: "ok", response }
        : { kind: "unknown", reason: "timed out" };
    operations.push({ id, client, start, end: fate === "late" ? (start + effect) / 2 : end, request, outcome });
  }
  const watches = Array.from({ length: options.watches ?? 0 }, (_, id) => anyWatch(random, id, store, options.keys));
  return { history: { operations: operations.sort((a, b) => a.start - b.start), watches }, store };
}

interface Slot {
  readonly client: number;
  readonly start: number;
  readonly effect: number;
  readonly end: number;
  /** `late` and `lost`: the client gave up; then it happened, or never. */
  readonly fate: "ok" | "late" | "lost";
}

function schedule(random: Random, options: RecordedOptions): Slot[] {
  const slots: Slot[] = [];
  const free = Array.from({ length: options.clients }, () => random.next());
  for (let count = 0; count < options.operations; count++) {
    const client = count % options.clients;
    const start = (free[client] as number) + random.next();
    const end = start + 1 + random.next() * 5;
    free[client] = end + 1e-3;
    const unknown = random.next() < (options.unknown ?? 0);
    const fate = unknown ? (random.next() < 0.5 ? "late" : "lost") : "ok";
    slots.push({ client, start, effect: start + random.next() * (end - start), end, fate });
  }
  return slots;
}

function anyRequest(
  random: Random,
  { keys, leases: withLeases = true }: RecordedOptions,
  id: number,
  store: ReferenceStore,
  leases: readonly string[],
): Request {
  const key = keyOf(random.int(keys));
  const value = `v${id}`;
  const one = leases[random.int(Math.max(1, leases.length))];
  switch (random.int(withLeases ? 12 : 9)) {
    case 0:
    case 1:
    case 2:
      return { kind: "put", key, value, ...(one !== undefined && random.int(3) === 0 ? { lease: one } : {}) };
    case 3:
      return { kind: "delete", key };
    case 4:
    case 5:
      return { kind: "range", key };
    case 6:
      return { kind: "range", key: "k", rangeEnd: "l" };
    case 7:
      return { kind: "range", key, revision: 1 + random.int(store.revision()) };
    case 8: {
      const mod = store.events.findLast((event) => event.kv.key === key)?.kv.modRevision ?? 0;
      const other: TxnOperation = { kind: "put", key: `${key}x`, value };
      const operand = random.int(2) === 0 ? mod : mod + 1;
      const failure: TxnOperation[] = [{ kind: "range", key }];
      const compares = [{ key, target: "mod" as const, result: "=" as const, operand }];
      return { kind: "txn", compares, success: [{ kind: "put", key, value }, other], failure };
    }
    case 9:
      return { kind: "grant", lease: String(id + 1), ttlSeconds: 1000 };
    case 10:
      return one === undefined ? { kind: "range", key } : { kind: "keepAlive", lease: one };
    default:
      return one === undefined || random.int(3) > 0 ? { kind: "put", key, value } : { kind: "revoke", lease: one };
  }
}

export function keyOf(number: number): string {
  return `k${String(number).padStart(6, "0")}`;
}

/** A watch that was created when the store was somewhere, and looked until another revision, in any portions. */
function anyWatch(random: Random, id: number, store: ReferenceStore, keys: number): WatchRecord {
  const startRevision = 1 + random.int(store.revision());
  const range = random.int(2) === 0 ? { key: "k", rangeEnd: "l" } : { key: keyOf(random.int(keys)) };
  const request = { ...range, startRevision, previous: random.int(2) === 0 };
  const responses: WatchResponse[] = [];
  // Everything is seen after it all happened.
  let at = 1e6;
  const add = (response: Omit<WatchResponse, "at">): void => void responses.push({ at: at++, ...response });
  add({ revision: startRevision - 1, created: true, events: [] });
  let portion: WatchResponse["events"][number][] = [];
  for (const revision of store.watched(request, startRevision, store.revision())) {
    portion = [...portion, ...revision];
    if (random.int(2) === 0) continue;
    add({ revision: portion.at(-1)?.kv.modRevision ?? 0, created: false, events: portion });
    if (random.int(4) === 0) add({ revision: portion.at(-1)?.kv.modRevision ?? 0, created: false, events: [] });
    portion = [];
  }
  add({ revision: store.revision(), created: false, events: portion });
  add({ revision: store.revision(), created: false, events: [] });
  return { id, client: 100 + id, start: 0, request, responses, end: { at, kind: "closed" } };
}
