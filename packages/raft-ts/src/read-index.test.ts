import { describe, expect, it } from "vitest";
import { acknowledge, addRead, confirmThrough, createReadQueue, newestRound } from "./read-index.ts";

describe("the queue of reads", () => {
  it("takes no answer to an old round for one to a read that was asked for again under the same context", () => {
    const queue = createReadQueue();
    addRead(queue, { from: 2n, context: "of 2", index: 5, self: 1n });
    const old = newestRound(queue);
    acknowledge(queue, 3n, old);
    expect(confirmThrough(queue, old).map(({ context, index }) => [context, index])).toEqual([["of 2", 5]]);
    // Its answer was lost: it asks again, behind a read of the leader's own. Then an answer to the first round comes late.
    addRead(queue, { from: 1n, context: "own", index: 5, self: 1n });
    addRead(queue, { from: 2n, context: "of 2", index: 5, self: 1n });
    expect([acknowledge(queue, 2n, old), confirmThrough(queue, old)]).toEqual([undefined, []]);
    expect(confirmThrough(queue, newestRound(queue)).map(({ context }) => context)).toEqual(["own", "of 2"]);
  });

  it("asks once for a context that is still waiting", () => {
    const queue = createReadQueue();
    for (let again = 0; again < 3; again++) addRead(queue, { from: 2n, context: "of 2", index: 5, self: 1n });
    expect(queue.pending.length).toBe(1);
  });
});
