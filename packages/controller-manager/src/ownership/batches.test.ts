import { describe, expect, it } from "vitest";
import { inGrowingBatches } from "./batches.ts";

/** Acts that end when they are told to, and how many of them were ever under way at once. */
function acts(count: number, failing: (index: number) => boolean = () => false) {
  const open: (() => void)[] = [];
  const begun: number[] = [];
  const result = inGrowingBatches([...Array(count).keys()], (index) => {
    begun.push(index);
    return new Promise((resolve, reject) =>
      open.push(() => (failing(index) ? reject(new Error(`no ${index}`)) : resolve())),
    );
  });
  const endAll = async (): Promise<void> => {
    for (const end of open.splice(0)) end();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { begun, open, endAll, result };
}

describe("many writes", () => {
  it("begin with one and double as they succeed, up to sixteen at once", async () => {
    const { open, endAll, result } = acts(100);
    const atOnce: number[] = [];
    while (open.length > 0) {
      atOnce.push(open.length);
      await endAll();
    }
    expect(atOnce).toEqual([1, 2, 4, 8, 16, 16, 16, 16, 16, 5]);
    expect(await result).toEqual({ done: 100 });
  });

  it("end with the first that fails; what is under way is waited for", async () => {
    const { begun, open, endAll, result } = acts(1_000_000, (index) => index >= 3);
    while (open.length > 0) await endAll();
    expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(await result).toEqual({ done: 3, error: new Error("no 3") });
  });

  it("of nothing are done at once", async () => {
    expect(await acts(0).result).toEqual({ done: 0 });
  });
});
