// Leases: promises of keys to go away unless someone keeps saying they are needed. Granting, revoking and attaching are
// part of the replicated state; when a lease runs out is decided by the leader alone, from the `now` it passes in.
// Checkpoints carry the remaining time over a change of leaders. After etcd's server/lease/lessor.go.
import type { Backend } from "../backend.ts";
import type { Key } from "../key.ts";
import type { Refused } from "../requests.ts";
import { Deadlines } from "./deadlines.ts";
import { decodeLease, encodeLease, leaseKey } from "./record.ts";

/** The longest a lease may last, in seconds, as etcd has it. */
export const maxTtlSeconds = 9_000_000_000;

/** The others are told what is left of a lease whenever this much of it has run. */
const checkpointSeconds = 300;

export interface LeaseInfo {
  readonly id: bigint;
  readonly grantedTtlSeconds: number;
  /** Whole seconds; never negative. */
  readonly remainingTtlSeconds: number;
  readonly keys: readonly Key[];
}

interface Lease {
  readonly id: bigint;
  readonly ttlSeconds: number;
  /** From the last checkpoint; 0: the whole time. */
  remainingTtlSeconds: number;
  /** In the leader's time; Infinity on the others. */
  expiresAtMs: number;
  readonly keys: Set<Key>;
}

export class Leases {
  readonly #backend: Backend;
  readonly #minTtlSeconds: number;
  readonly #leases = new Map<bigint, Lease>();
  readonly #ofKey = new Map<Key, bigint>();
  /** On the leader: when each lease runs out. */
  readonly #ends = new Deadlines();
  /** … and when it will have run on by `checkpointSeconds` since the others were told. */
  readonly #checkpoints = new Deadlines();
  #primary = false;

  /** Shorter times to live are granted as `minTtlSeconds`: an election must fit into them. */
  constructor(backend: Backend, minTtlSeconds: number) {
    this.#backend = backend;
    this.#minTtlSeconds = minTtlSeconds;
  }

  has(id: bigint): boolean {
    return this.#leases.has(id);
  }

  /** The lease a key hangs on; 0n when on none. */
  of(key: Key): bigint {
    return this.#ofKey.get(key) ?? 0n;
  }

  ids(): readonly bigint[] {
    return [...this.#leases.keys()];
  }

  grant(id: bigint, ttlSeconds: number, nowMs: number): { readonly ttlSeconds: number } | Refused {
    if (ttlSeconds > maxTtlSeconds) return { refused: "lease-ttl-too-large" };
    if (this.#leases.has(id)) return { refused: "lease-exists" };
    const granted = Math.max(ttlSeconds, this.#minTtlSeconds);
    const lease: Lease = {
      id,
      ttlSeconds: granted,
      remainingTtlSeconds: 0,
      expiresAtMs: Number.POSITIVE_INFINITY,
      keys: new Set(),
    };
    this.#leases.set(id, lease);
    if (this.#primary) this.#runUntil(lease, nowMs + granted * 1000);
    this.#save(lease);
    return { ttlSeconds: granted };
  }

  /** Forgets a lease; its keys, in their order, are the caller's to delete in one transaction. */
  revoke(id: bigint): readonly Key[] | Refused {
    const lease = this.#leases.get(id);
    if (lease === undefined) return { refused: "lease-not-found" };
    this.#leases.delete(id);
    this.#runUntil(lease, Number.POSITIVE_INFINITY);
    this.#backend.delete("lease", leaseKey(id));
    return [...lease.keys].sort();
  }

  /** A key now hangs on this lease, and on no other; 0n takes it off. */
  attach(key: Key, id: bigint): void {
    this.detach(key);
    if (id === 0n) return;
    this.#ofKey.set(key, id);
    this.#leases.get(id)?.keys.add(key);
  }

  detach(key: Key): void {
    if (this.#ofKey.size === 0) return;
    const id = this.#ofKey.get(key);
    if (id === undefined) return;
    this.#ofKey.delete(key);
    this.#leases.get(id)?.keys.delete(key);
  }

  /** Starts the lease's time again, on the leader. `checkpoint` says that a reduced remaining time must be cleared. */
  renew(id: bigint, nowMs: number): { readonly ttlSeconds: number; readonly checkpoint: boolean } | Refused {
    const lease = this.#leases.get(id);
    if (lease === undefined || lease.expiresAtMs <= nowMs) return { refused: "lease-not-found" };
    if (this.#primary) this.#runUntil(lease, nowMs + lease.ttlSeconds * 1000);
    return { ttlSeconds: lease.ttlSeconds, checkpoint: lease.remainingTtlSeconds > 0 };
  }

  info(id: bigint, nowMs: number): LeaseInfo | Refused {
    const lease = this.#leases.get(id);
    if (lease === undefined) return { refused: "lease-not-found" };
    return {
      id,
      grantedTtlSeconds: lease.ttlSeconds,
      remainingTtlSeconds: remaining(lease, nowMs, Math.floor),
      keys: [...lease.keys].sort(),
    };
  }

  /** Takes over the clock as the leader. Every lease gets at least `extendMs`, so that clients can find this leader. */
  promote(nowMs: number, extendMs: number): void {
    this.#primary = true;
    for (const lease of this.#leases.values()) {
      const seconds = lease.remainingTtlSeconds > 0 ? lease.remainingTtlSeconds : lease.ttlSeconds;
      this.#runUntil(lease, nowMs + extendMs + seconds * 1000);
    }
  }

  /** No longer the leader: leases do not run out here. */
  demote(): void {
    this.#primary = false;
    this.#ends.clear();
    this.#checkpoints.clear();
    for (const lease of this.#leases.values()) lease.expiresAtMs = Number.POSITIVE_INFINITY;
  }

  /** Up to `limit` leases that have run out, longest ago first. Always none on a follower. */
  expired(nowMs: number, limit: number): readonly bigint[] {
    return this.#ends.due(nowMs, limit);
  }

  /** When the next lease runs out; undefined when none does. */
  nextExpiryMs(): number | undefined {
    return this.#ends.next();
  }

  /** Remaining times worth telling the others: of leases that ran on by `checkpointSeconds` since they were told last. */
  checkpointsDue(
    nowMs: number,
    limit: number,
  ): readonly { readonly id: bigint; readonly remainingTtlSeconds: number }[] {
    return this.#checkpoints.due(nowMs, limit).flatMap((id) => {
      const lease = this.#leases.get(id);
      const left = lease ? remaining(lease, nowMs, Math.ceil) : 0;
      return left > 0 ? [{ id, remainingTtlSeconds: left }] : [];
    });
  }

  /** A checkpoint that came out of the log; 0 clears it. */
  checkpoint(id: bigint, remainingTtlSeconds: number): void {
    const lease = this.#leases.get(id);
    if (lease === undefined) return;
    lease.remainingTtlSeconds = remainingTtlSeconds;
    this.#runUntil(lease, lease.expiresAtMs);
    this.#save(lease);
  }

  /** Reads the leases back. Keys are attached afterwards, from their records. */
  async restore(): Promise<void> {
    const pageSize = 1000;
    let from: Uint8Array = new Uint8Array(0);
    for (;;) {
      const page = await this.#backend.scan("lease", from, pageSize);
      for (const { value } of page) {
        const { id, ttlSeconds, remainingTtlSeconds } = decodeLease(value);
        this.#leases.set(id, {
          id,
          ttlSeconds: Math.max(ttlSeconds, this.#minTtlSeconds),
          remainingTtlSeconds,
          expiresAtMs: Number.POSITIVE_INFINITY,
          keys: new Set(),
        });
      }
      const last = page.at(-1);
      if (page.length < pageSize || last === undefined) return;
      from = Buffer.concat([last.key, Buffer.alloc(1)]);
    }
  }

  #runUntil(lease: Lease, expiresAtMs: number): void {
    lease.expiresAtMs = expiresAtMs;
    this.#ends.set(lease.id, expiresAtMs);
    const told = lease.remainingTtlSeconds > 0 ? lease.remainingTtlSeconds : lease.ttlSeconds;
    const worth = told > checkpointSeconds && expiresAtMs !== Number.POSITIVE_INFINITY;
    this.#checkpoints.set(lease.id, worth ? expiresAtMs - (told - checkpointSeconds) * 1000 : Number.POSITIVE_INFINITY);
  }

  #save(lease: Lease): void {
    this.#backend.put("lease", leaseKey(lease.id), encodeLease(lease));
  }
}

/** As in etcd, a client is told whole seconds that have not begun; the next leader those that have. */
function remaining(lease: Lease, nowMs: number, whole: (seconds: number) => number): number {
  if (lease.expiresAtMs === Number.POSITIVE_INFINITY)
    return lease.remainingTtlSeconds > 0 ? lease.remainingTtlSeconds : lease.ttlSeconds;
  return Math.max(0, whole((lease.expiresAtMs - nowMs) / 1000));
}
