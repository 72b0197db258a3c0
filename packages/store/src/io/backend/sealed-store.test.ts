import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PairOperation, PairStore } from "./pair-store.ts";
import { sealStore } from "./sealed-store.ts";

type Pairs = Map<string, Buffer>;

/** Pairs in memory, for the next one to be opened over. */
function storeOver(pairs: Pairs): PairStore {
  return {
    get: (key) => pairs.get(key.toString("latin1")),
    write: async (operations) => {
      for (const operation of operations) {
        if (operation.type === "put") pairs.set(operation.key.toString("latin1"), Buffer.from(operation.value));
        else pairs.delete(operation.key.toString("latin1"));
      }
    },
    iterate: ({ gte, lt, limit } = { gte: Buffer.alloc(0), lt: Buffer.from([255]), limit: Infinity }) => {
      const from = gte.toString("latin1");
      const to = lt.toString("latin1");
      const found = [...pairs].filter(([key]) => key >= from && key < to).sort(([a], [b]) => (a < b ? -1 : 1));
      let left = found.slice(0, limit).map(([key, value]): [Buffer, Buffer] => [Buffer.from(key, "latin1"), value]);
      return {
        nextv: async (size) => {
          const batch = left.slice(0, size);
          left = left.slice(size);
          return batch;
        },
        close: async () => undefined,
      };
    },
    clear: async () => pairs.clear(),
    sizeBytes: async () => 0,
    compact: async () => undefined,
    close: async () => undefined,
  };
}

/** Keys of the table "k" are never put twice; of the others as often as one likes, also in one batch. */
const operation = fc.oneof(
  fc.record({ table: fc.constantFrom("l", "m", "s"), key: fc.nat(4), value: fc.option(fc.nat(99)) }),
  fc.record({ table: fc.constant("k"), key: fc.nat(9), value: fc.constant(null) }),
);

describe("a sealed store", () => {
  it("knows what is there, whatever was put, put again and removed, in whatever batches", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(operation, { maxLength: 6 }), { maxLength: 12 }), async (batches) => {
        const pairs: Pairs = new Map();
        let next = 0;
        const written = sealStore(storeOver(pairs), "here");
        for (const batch of batches) {
          const operations = batch.flatMap(({ table, key, value }): PairOperation[] => {
            const name = Buffer.from(`${table}${key}`);
            if (value !== null) return [{ type: "put", key: name, value: Buffer.from(`${value}`) }];
            const fresh: PairOperation = {
              type: "put",
              key: Buffer.from(`k${100 + next++}`),
              value: Buffer.from("new"),
            };
            return [fresh, { type: "del", key: table === "k" ? Buffer.from(`k${100 + key}`) : name }];
          });
          await written.write(operations, false);
        }
        await sealStore(storeOver(pairs), "here").verify();
        const live = [...pairs].filter(([key]) => !key.startsWith("~"));
        expect(written.liveBytes()).toBe(live.reduce((sum, [key, value]) => sum + key.length + value.length - 4, 0));
      }),
      { numRuns: 200 },
    );
  });

  it("notices a pair that is gone, one too many, and one that is wrong", async () => {
    const pairs: Pairs = new Map();
    await sealStore(storeOver(pairs), "here").write([put("ka", "1"), put("kb", "2")], false);
    const reopened = (change: (pairs: Pairs) => void): ReturnType<typeof sealStore> => {
      const copy = new Map(pairs);
      change(copy);
      return sealStore(storeOver(copy), "here");
    };
    await reopened(() => undefined).verify();
    await expect(reopened((copy) => copy.delete("ka")).verify()).rejects.toThrow(
      "the backend in here is damaged: expected 2 pairs of 6 bytes, found 1 of 3",
    );
    await expect(reopened((copy) => copy.set("kc", copy.get("ka") ?? Buffer.alloc(5))).verify()).rejects.toThrow(
      "has a wrong checksum",
    );
    expect(() => reopened((copy) => copy.set("ka", copy.get("kb") ?? Buffer.alloc(5))).get(Buffer.from("ka"))).toThrow(
      "the pair under 6b61 has a wrong checksum",
    );
  });

  it("tells what level finds broken in its own files by the place and what to do", async () => {
    const pairs: Pairs = new Map();
    await sealStore(storeOver(pairs), "here").write([put("ka", "1")], true);
    const fail = (): never => {
      throw Object.assign(new Error("Corruption: bad entry in block"), { code: "LEVEL_CORRUPTION" });
    };
    const said = /^the backend in here is damaged: Corruption: bad entry in block\. Remove the member/;
    const whole = storeOver(pairs);
    const unread = { nextv: async () => fail(), close: async () => undefined };
    await expect(sealStore({ ...whole, iterate: () => unread }, "here").verify()).rejects.toThrow(said);
    let isBroken = false;
    const opened = sealStore({ ...whole, get: (key) => (isBroken ? fail() : whole.get(key)) }, "here");
    isBroken = true;
    expect(() => opened.get(Buffer.from("ka"))).toThrow(said);
    expect(() => sealStore({ ...whole, get: fail }, "here")).toThrow(said);
  });

  it("refuses another version", () => {
    const seal = Buffer.alloc(23);
    seal[0] = 9;
    expect(() => sealStore(storeOver(new Map([["~seal", seal]])), "here")).toThrow(
      "here has format version 9; this program reads version 2",
    );
  });
});

function put(key: string, value: string): PairOperation {
  return { type: "put", key: Buffer.from(key), value: Buffer.from(value) };
}
