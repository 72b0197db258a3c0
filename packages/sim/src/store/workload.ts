// What the simulated clients ask for: a mix over few keys, so that they meet. Every value is written once only. It draws requests from
// what it has seen of the answers; it sends nothing.
import type { KeyRange, Request, Response, TxnOperation } from "@coxswain/drill";
import type { Dice } from "../world/dice.ts";

export interface WorkloadMix {
  readonly keys: number;
  /** Out of 100: the rest are puts. */
  readonly reads: number;
  readonly deletes: number;
  readonly txns: number;
  readonly leases: number;
  readonly compactions: number;
}

export class Workload {
  readonly #dice: Dice;
  readonly #mix: WorkloadMix;
  #values = 0;
  #leaseCount = 0;
  /** Those that were granted, as far as is known. */
  #leases: string[] = [];
  #newestSeen = 1;
  readonly #modRevisions = new Map<string, number>();

  constructor(dice: Dice, mix: WorkloadMix) {
    this.#dice = dice;
    this.#mix = mix;
  }

  get newestSeen(): number {
    return this.#newestSeen;
  }

  next(): Request {
    const { reads, deletes, txns, leases, compactions } = this.#mix;
    let draw = this.#dice.between(0, 100);
    if ((draw -= reads) < 0) return this.#range();
    if ((draw -= deletes) < 0) return { kind: "delete", ...this.#keys(0.2) };
    if ((draw -= txns) < 0) return this.#txn();
    if ((draw -= leases) < 0) return this.#lease();
    if ((draw -= compactions) < 0) return this.#compact();
    return this.#put(this.#key());
  }

  /** A put that is in nobody's way, to see whether the cluster works. */
  probe(): Request {
    return this.#put("probe");
  }

  /** Learns from an answer. */
  learn(request: Request, response: Response): void {
    this.#newestSeen = Math.max(this.#newestSeen, response.revision);
    if (request.kind === "grant" && response.kind === "grant") this.#leases.push(request.lease);
    if (request.kind === "revoke" || (response.kind === "keepAlive" && response.ttlSeconds === 0))
      this.#leases = this.#leases.filter((lease) => lease !== ("lease" in request ? request.lease : undefined));
    if (request.kind === "put") this.#modRevisions.set(request.key, response.revision);
    if (response.kind === "range") for (const kv of response.kvs) this.#modRevisions.set(kv.key, kv.modRevision);
  }

  #key(): string {
    return `k${this.#dice.int(this.#mix.keys)}`;
  }

  #keys(several: number): KeyRange {
    if (!this.#dice.chance(several)) return { key: this.#key() };
    return this.#dice.chance(0.5) ? { key: "k", rangeEnd: "l" } : { key: "k1", rangeEnd: "k3" };
  }

  #put(key: string): Extract<Request, { kind: "put" }> {
    const value = `v${++this.#values}`;
    const lease = this.#leases.length > 0 && this.#dice.chance(0.25) ? this.#dice.pick(this.#leases) : undefined;
    return { kind: "put", key, value, ...(lease === undefined ? {} : { lease }) };
  }

  #range(): Extract<Request, { kind: "range" }> {
    const keys = this.#keys(0.3);
    if (this.#dice.chance(0.15)) return { kind: "range", ...keys, serializable: true };
    if (this.#dice.chance(0.15))
      return { kind: "range", ...keys, revision: 1 + this.#dice.int(Math.max(1, this.#newestSeen)) };
    return { kind: "range", ...keys };
  }

  #txn(): Request {
    const key = this.#key();
    const other = this.#dice.chance(0.5) ? "shared" : this.#key();
    const known = this.#modRevisions.get(key) ?? 0;
    const success: TxnOperation[] = [this.#put(key)];
    if (other !== key) success.push(this.#dice.chance(0.7) ? this.#put(other) : { kind: "delete", key: other });
    const failure: TxnOperation[] = this.#dice.chance(0.5)
      ? [{ kind: "range", key, ...this.#past() }]
      : [{ kind: "range", key }, this.#put(other)];
    return {
      kind: "txn",
      compares: this.#dice.chance(0.2) ? [] : [{ target: "mod", key, result: "=", operand: known }],
      success: this.#dice.chance(0.3) ? [{ kind: "range", key, ...this.#past() }, ...success] : success,
      failure,
    };
  }

  /** A transaction may also read the past, which may be gone by the time it is applied. */
  #past(): { revision?: number } {
    return this.#dice.chance(0.3) ? { revision: 1 + this.#dice.int(Math.max(1, this.#newestSeen)) } : {};
  }

  #lease(): Request {
    if (this.#leases.length === 0 || this.#dice.chance(0.35))
      return { kind: "grant", lease: String(1000 + ++this.#leaseCount), ttlSeconds: 1 + this.#dice.int(8) };
    const lease = this.#dice.pick(this.#leases);
    return this.#dice.chance(0.3) ? { kind: "revoke", lease } : { kind: "keepAlive", lease };
  }

  #compact(): Request {
    const back = this.#dice.chance(0.3) ? 0 : this.#dice.int(20);
    return { kind: "compact", revision: Math.max(1, this.#newestSeen - back) };
  }
}
