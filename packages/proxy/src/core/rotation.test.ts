import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRotation } from "./rotation.ts";

const backends = (...lasts: readonly number[]) => lasts.map((last) => ({ address: `10.244.1.${last}`, port: 8080 }));
const last = (backend: { readonly address: string } | undefined) => backend?.address.split(".").at(-1);

describe("rotation", () => {
  it("every backend has its turn, in order", () => {
    const rotation = createRotation();
    rotation.update(backends(3, 1, 2), undefined);
    expect(Array.from({ length: 7 }, () => last(rotation.next("c", 0)))).toEqual(["1", "2", "3", "1", "2", "3", "1"]);
  });

  it("any number of connections are spread so that no two backends differ by more than one", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 50 }), (count, connections) => {
        const rotation = createRotation();
        rotation.update(backends(...Array.from({ length: count }, (_, index) => index + 1)), undefined);
        const counts = new Map<string | undefined, number>();
        for (let i = 0; i < connections; i++) {
          const chosen = last(rotation.next("c", 0));
          counts.set(chosen, (counts.get(chosen) ?? 0) + 1);
        }
        const all = Array.from({ length: count }, (_, index) => counts.get(String(index + 1)) ?? 0);
        expect(Math.max(...all) - Math.min(...all)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("the turn goes on where it was when backends come and go", () => {
    const rotation = createRotation();
    rotation.update(backends(1, 2, 4), undefined);
    expect([rotation.next("c", 0), rotation.next("c", 0)].map(last)).toEqual(["1", "2"]);
    rotation.update(backends(1, 3, 4), undefined);
    expect([rotation.next("c", 0), rotation.next("c", 0), rotation.next("c", 0)].map(last)).toEqual(["3", "4", "1"]);
    rotation.update([], undefined);
    expect(rotation.next("c", 0)).toBe(undefined);
  });

  it("a client with affinity keeps its backend until its time is over or the backend is gone", () => {
    const rotation = createRotation();
    rotation.update(backends(1, 2, 3), 60);
    const come = (client: string, second: number) => last(rotation.next(client, second * 1000));
    expect([come("a", 0), come("b", 0), come("a", 50), come("a", 105), come("a", 200)]).toEqual([
      "1",
      "2",
      "1",
      "1",
      "3",
    ]);
    rotation.update(backends(1, 2), 60);
    expect(come("a", 201)).toBe("1");
    expect(last(rotation.next("a", 201_000, true))).toBe("2");
  });
});
