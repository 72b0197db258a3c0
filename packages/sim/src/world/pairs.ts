// level's place in the simulation: an ordered store of pairs whose batches are atomic and stay in order, and of which losing power
// leaves those up to the last synced one and any number of the next. It belongs to a machine, as the disk does.
import type { PairIterator, PairOperation, PairStore } from "@coxswain/store";
import type { Dice } from "./dice.ts";
import type { DiskFaults } from "./disk.ts";
import type { SimProcess } from "./process.ts";

type Pairs = Map<string, Buffer>;
type Batch = readonly PairOperation[] | "clear";

export class SimPairs {
  readonly #dice: Dice;
  readonly #faults: DiskFaults;
  #pairs: Pairs = new Map();
  #durable: Pairs = new Map();
  #unsynced: Batch[] = [];
  #opener: SimProcess | undefined;

  constructor(dice: Dice, faults: DiskFaults) {
    this.#dice = dice;
    this.#faults = faults;
  }

  open(process: SimProcess): PairStore {
    if (this.#opener?.alive) throw new Error(`${process.name} opens a database that ${this.#opener.name} has open`);
    this.#opener = process;
    const latency = (): number => this.#dice.latency(this.#faults.latency);
    const write = async (batch: Batch, sync: boolean): Promise<void> => {
      await process.wait(latency(), "write-batch");
      if (this.#faults.full) throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
      apply(this.#pairs, batch);
      this.#unsynced.push(batch);
      if (!sync) return;
      await process.wait(latency(), "sync-batch");
      this.#harden(this.#unsynced.length);
    };
    return {
      get: (key) => this.#pairs.get(key.toString("latin1")),
      write,
      clear: () => write("clear", false),
      iterate: (range) => this.#iterate(process, range),
      sizeBytes: async () => {
        await process.wait(latency(), "size");
        let size = 0;
        for (const [key, value] of this.#pairs) size += key.length + value.length;
        return size;
      },
      compact: () => process.wait(10 * latency(), "compact"),
      close: () => Promise.resolve(),
    };
  }

  /** As they are now, in no order. */
  keys(): Iterable<string> {
    return this.#pairs.keys();
  }

  losePower(): void {
    this.#harden(this.#dice.int(this.#unsynced.length + 1));
    this.#unsynced = [];
    this.#pairs = new Map(this.#durable);
  }

  wipe(): void {
    this.#pairs = new Map();
    this.#durable = new Map();
    this.#unsynced = [];
  }

  #harden(batches: number): void {
    for (const batch of this.#unsynced.splice(0, batches)) apply(this.#durable, batch);
  }

  #iterate(
    process: SimProcess,
    range: { readonly gte: Buffer; readonly lt: Buffer; readonly limit: number } | undefined,
  ): PairIterator {
    const from = range?.gte.toString("latin1") ?? "";
    const to = range?.lt.toString("latin1") ?? "\u{ffff}";
    const found = [...this.#pairs].filter(([key]) => key >= from && key < to);
    found.sort(([a], [b]) => (a < b ? -1 : 1));
    let at = 0;
    const end = Math.min(found.length, range?.limit ?? found.length);
    return {
      nextv: async (size) => {
        await process.wait(this.#dice.latency(this.#faults.latency), "iterate");
        const part = found.slice(at, Math.min(end, at + size));
        at += part.length;
        return part.map(([key, value]): [Buffer, Buffer] => [Buffer.from(key, "latin1"), value]);
      },
      close: () => Promise.resolve(),
    };
  }
}

function apply(pairs: Pairs, batch: Batch): void {
  if (batch === "clear") {
    pairs.clear();
    return;
  }
  for (const operation of batch) {
    const key = operation.key.toString("latin1");
    if (operation.type === "put") pairs.set(key, operation.value);
    else pairs.delete(key);
  }
}
