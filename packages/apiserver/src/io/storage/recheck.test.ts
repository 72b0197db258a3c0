import { describe, expect, it } from "vitest";
import type { Init, RangeRequest, RangeResponse } from "@coxswain/etcd-api";
import type { StoredValue } from "../../core/storage.ts";
import { createRecheck } from "./recheck.ts";

const read = (kv: RangeResponse["kvs"][number]): StoredValue => ({
  key: Buffer.from(kv.key).toString(),
  value: Buffer.from(kv.value),
  revision: kv.modRevision,
});

/** Keys and the revisions they were last written at; answers as etcd does, and remembers what was asked together. */
function store(revisions: Readonly<Record<string, number>>) {
  const asked: string[][] = [];
  const ask = async (requests: readonly Init<RangeRequest>[]): Promise<readonly RangeResponse[]> => {
    asked.push(requests.map(({ key = "" }) => Buffer.from(key).toString()));
    return requests.map(({ key = "", minModRevision = 0 }) => {
      const modRevision = revisions[Buffer.from(key).toString()];
      const kv = {
        key: Buffer.from(key),
        createRevision: 1,
        modRevision: modRevision ?? 0,
        version: 1,
        value: Buffer.from("new"),
        lease: 0n,
      };
      const newer = modRevision !== undefined && modRevision >= minModRevision;
      return { header: undefined, kvs: newer ? [kv] : [], more: false, count: modRevision === undefined ? 0 : 1 };
    });
  };
  return { asked, recheck: createRecheck(ask, read) };
}

describe("a recheck", () => {
  it("tells what is not newer from what was written since and from what is gone, all asked together", async () => {
    const { asked, recheck } = store({ a: 5, b: 9 });
    expect(await Promise.all([recheck("a", 5), recheck("b", 5), recheck("c", 5)])).toEqual([
      { kind: "unchanged" },
      { kind: "changed", current: { key: "b", value: Buffer.from("new"), revision: 9 } },
      { kind: "gone" },
    ]);
    expect(asked).toEqual([["a", "b", "c"]]);
  });

  it("asks no more at a time than etcd takes, and anew for who comes later", async () => {
    const { asked, recheck } = store({});
    await Promise.all(Array.from({ length: 250 }, (_unused, index) => recheck(`k${index}`, 1)));
    await recheck("late", 1);
    expect(asked.map(({ length }) => length)).toEqual([100, 100, 50, 1]);
  });

  it("fails all who asked when the store does not answer, and asks again for the next", async () => {
    let down = true;
    const recheck = createRecheck(async (requests) => {
      if (down) throw new Error("no answer");
      return requests.map(() => ({ header: undefined, kvs: [], more: false, count: 1 }));
    }, read);
    const both = await Promise.allSettled([recheck("a", 1), recheck("b", 1)]);
    down = false;
    expect([both.map(({ status }) => status), await recheck("a", 1)]).toEqual([
      ["rejected", "rejected"],
      { kind: "unchanged" },
    ]);
  });
});
