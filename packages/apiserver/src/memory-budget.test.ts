import { StatusError } from "@coxswain/apimachinery";
import { createMetricsRegistry } from "@coxswain/daemon";
import { describe, expect, it } from "vitest";
import { createMemoryBudget } from "./memory-budget.ts";
import { metricTable } from "./metrics.ts";

const megabyte = 1024 * 1024;

function budget(heap = () => 0.5) {
  const metrics = createMetricsRegistry("test").create(metricTable);
  return createMemoryBudget({ requestBytes: 10 * megabyte, heapShare: 0.8 }, { heap, metrics });
}
const refusal = (work: () => void): unknown => {
  try {
    work();
    return undefined;
  } catch (error) {
    return error instanceof StatusError ? { code: error.status.code, details: error.status.details } : error;
  }
};

describe("the memory budget", () => {
  it("refuses what is more than is left, until others give back", () => {
    const all = budget();
    const [one, other] = [all.open("list"), all.open("list")];
    one.reserve(8 * megabyte);
    expect(refusal(() => other.reserve(4 * megabyte))).toEqual({ code: 429, details: { retryAfterSeconds: 1 } });
    one.release();
    one.release();
    expect(refusal(() => other.reserve(4 * megabyte))).toBeUndefined();
  });

  it("refuses big requests while the heap is nearly full, and lets small ones through", () => {
    const full = budget(() => 0.9);
    expect(refusal(() => full.open("create").reserve(1000))).toBeUndefined();
    expect(refusal(() => full.open("list").reserve(megabyte))).toMatchObject({ code: 429 });
  });

  it("sees through many small steps of one request", () => {
    const share = budget().open("list");
    const steps = (): void => {
      for (let step = 0; step < 200; step += 1) share.reserve(100 * 1024);
    };
    expect(refusal(steps)).toMatchObject({ code: 429 });
  });
});
