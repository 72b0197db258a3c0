// Sees what members write to their databases and say to each other, and compares: the invariants of Raft and of replication, checked as
// things happen rather than at the end. Also keeps the truth: every change of the keyspace by its revision, as the members wrote it.
import { createBackend } from "@coxswain/store";
import type { PairStore, StoreBackend } from "@coxswain/store";
import { readStoredPair } from "@coxswain/store/testing";
import type { StoredPair } from "@coxswain/store/testing";
import type { Message } from "../world/network.ts";
import type { World } from "../world/world.ts";
import { Violation } from "./violation.ts";

/** A change of the keyspace, and when the first member made it. */
export type Change = Extract<StoredPair, { table: "key" }> & { readonly atMs: number };

const keyTable = Buffer.from("k");
const appliedKey = Buffer.from("sapplied");

export class Observer {
  readonly #world: World;
  /** Main revision → its changes by sub. */
  readonly #changes = new Map<number, Change[]>();
  readonly #newest = new Map<string, number>();
  /** Applied index → the revision after it and the term of the entry, as the first member had it. */
  readonly #applied = new Map<number, { readonly revision: number; readonly term: number; readonly by: string }>();
  readonly #leaders = new Map<number, string>();
  readonly #votes = new Map<string, string>();
  /** Index and term of an entry → its content. */
  readonly #entries = new Map<string, string>();
  readonly #terms = new Map<string, number>();
  readonly #commits = new Map<number, number>();
  readonly #listener: ((line: string) => void) | undefined;
  /** What has still to come true: the words of a report when it does not. */
  waitingFor = "";
  readonly counts = new Map<string, number>();
  #failure: Violation | undefined;

  constructor(world: World, listener?: (line: string) => void) {
    this.#world = world;
    this.#listener = listener;
  }

  /** The first thing that was wrong. */
  get failure(): Violation | undefined {
    return this.#failure;
  }

  get newestRevision(): number {
    return Math.max(1, ...this.#newest.values());
  }

  changesAt(revision: number): readonly Change[] {
    return this.#changes.get(revision) ?? [];
  }

  *allChanges(): Iterable<Change> {
    const mains = [...this.#changes.keys()].sort((a, b) => a - b);
    for (const main of mains) for (const change of this.#changes.get(main) ?? []) if (change) yield change;
  }

  fail(check: string, message: string): void {
    this.#failure ??= new Violation(check, message);
    this.#world.note(`violation of ${check}: ${message}`);
  }

  /** Something worth counting happened. */
  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
    this.#world.note(what);
  }

  /** What a member has on its disk as it starts. */
  found(host: string, newestRevision: number): void {
    this.#newest.set(host, newestRevision);
  }

  logged(host: string, level: string, message: string, fields: Readonly<Record<string, unknown>>): void {
    this.#listener?.(`${this.#world.now} ${host} ${level}: ${message} ${inspect(fields)}`);
  }

  wiped(host: string): void {
    this.#newest.delete(host);
    for (const key of [...this.#votes.keys()]) if (key.startsWith(`${host} `)) this.#votes.delete(key);
  }

  /** A backend over these pairs, whose writes are seen as they are made, and a received copy as it is read. */
  watch(host: string, pairs: PairStore): StoreBackend {
    const backend = createBackend(pairs, host);
    const put = backend.put.bind(backend);
    const putOwn = backend.putOwn.bind(backend);
    const replace = backend.replace.bind(backend);
    return Object.assign(backend, {
      put: (table: Parameters<StoreBackend["put"]>[0], key: Uint8Array, value: Uint8Array) => {
        put(table, key, value);
        if (table === "key") this.#stored(host, Buffer.concat([keyTable, key]), Buffer.from(value));
      },
      putOwn: (name: Parameters<StoreBackend["putOwn"]>[0], value: Uint8Array) => {
        putOwn(name, value);
        if (name === "applied") this.#stored(host, appliedKey, Buffer.from(value));
      },
      replace: (copy: Parameters<StoreBackend["replace"]>[0]) => {
        this.#newest.delete(host);
        return replace(this.#seen(host, copy));
      },
    });
  }

  async *#seen(host: string, copy: Parameters<StoreBackend["replace"]>[0]): Parameters<StoreBackend["replace"]>[0] {
    for await (const pair of copy) {
      this.#stored(host, Buffer.from(pair[0]), Buffer.from(pair[1]));
      yield pair;
    }
  }

  /** Every message, as it leaves. */
  sent(host: string, message: Message): void {
    switch (message.type) {
      case "append":
      case "heartbeat":
        this.#leads(host, message);
        return;
      case "vote-response":
        if (!message.reject) this.#votesFor(host, message.term, message.to);
        return;
      case "vote":
        // Who asks has voted for itself.
        this.#votesFor(host, message.term, message.from);
        return;
      default:
        return;
    }
  }

  #stored(host: string, key: Buffer, value: Buffer): void {
    const pair = readStoredPair(key, value);
    if (pair.table === "key") this.#changed(host, { ...pair, atMs: this.#world.now / 1000 });
    else if (pair.table === "applied") this.#appliedUpTo(host, pair);
  }

  #appliedUpTo(host: string, applied: { readonly index: number; readonly term: number }): void {
    const revision = this.#newest.get(host) ?? 0;
    const known = this.#applied.get(applied.index);
    if (!known) {
      this.#applied.set(applied.index, { revision, term: applied.term, by: host });
      return;
    }
    // A member that was compacted or restored from a copy may have no record of the newest revision; its entry is the same all the same.
    if (known.term !== applied.term)
      this.fail(
        "state machine safety",
        `${host} applied entry ${applied.index} of term ${applied.term}; ${known.by} that of ${known.term}`,
      );
    else if (revision > 0 && known.revision > 0 && known.revision !== revision)
      this.fail(
        "equal state",
        `after entry ${applied.index} ${host} is at revision ${revision}, ${known.by} was at ${known.revision}`,
      );
  }

  #changed(host: string, change: Change): void {
    this.#newest.set(host, Math.max(this.#newest.get(host) ?? 0, change.main));
    const subs = this.#changes.get(change.main);
    const known = subs?.[change.sub];
    if (!known) {
      if (subs) subs[change.sub] = change;
      else {
        const made: Change[] = [];
        made[change.sub] = change;
        this.#changes.set(change.main, made);
      }
      return;
    }
    const same =
      known.key === change.key &&
      known.value === change.value &&
      known.tombstone === change.tombstone &&
      known.version === change.version &&
      known.createRevision === change.createRevision &&
      known.lease === change.lease;
    if (!same)
      this.fail(
        "equal records",
        `${host} has ${inspect(change)} as revision ${change.main}.${change.sub}, another member has ${inspect(known)}`,
      );
  }

  #leads(host: string, message: Extract<Message, { type: "append" | "heartbeat" }>): void {
    const leader = this.#leaders.get(message.term);
    if (leader === undefined) this.#leaders.set(message.term, host);
    else if (leader !== host) this.fail("election safety", `${leader} and ${host} both led term ${message.term}`);
    if (message.type !== "append") return;
    for (const entry of message.entries) {
      const id = `${entry.index}/${entry.term}`;
      const content = `${entry.kind} ${Buffer.from(entry.data).toString("base64")}`;
      const known = this.#entries.get(id);
      if (known === undefined) this.#entries.set(id, content);
      else if (known !== content)
        this.fail("log matching", `entry ${id} is ${content} on ${host}, elsewhere it was ${known}`);
      this.#terms.set(`${message.term}:${entry.index}`, entry.term);
    }
    this.#committed(host, message);
  }

  /** Raft §5.4.2: a leader counts replicas only for entries of its own term. */
  #committed(host: string, message: Extract<Message, { type: "append" }>): void {
    const before = this.#commits.get(message.term);
    this.#commits.set(message.term, Math.max(before ?? 0, message.commit));
    if (before === undefined || message.commit <= before) return;
    const term = this.#terms.get(`${message.term}:${message.commit}`);
    if (term !== undefined && term !== message.term)
      this.fail(
        "commit by counting",
        `${host}, leader of term ${message.term}, counted entry ${message.commit} of term ${term} as committed`,
      );
  }

  #votesFor(host: string, term: number, candidate: bigint): void {
    const key = `${host} ${term}`;
    const name = candidate.toString(16);
    const known = this.#votes.get(key);
    if (known === undefined) this.#votes.set(key, name);
    else if (known !== name) this.fail("one vote a term", `${host} voted for ${known} and for ${name} in term ${term}`);
  }
}

export function inspect(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => {
    if (typeof each === "bigint") return each.toString(16);
    if (each instanceof Error) return each.message;
    return each;
  });
}
