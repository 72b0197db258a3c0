import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeTopology, judgeTopology, tableOf, usualTopologies } from "./topologies.ts";

describe("a topology", () => {
  it("never survives the loss of half of its store, and always of fewer than half", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 99 }), (masters) => {
        const { storeFailures, quorum } = judgeTopology({ name: "", masters, stores: 0, workers: 1, external: false });
        expect(storeFailures * 2).toBeLessThan(masters);
        expect((storeFailures + 1) * 2).toBeGreaterThanOrEqual(masters);
        expect(quorum + storeFailures).toBe(masters);
      }),
    );
  });

  it("is shown in a table of the usual ones", () => {
    expect(tableOf(usualTopologies)).toBe(
      `TOPOLOGY                          MACHINES   MASTERS   STORE       WORKERS   QUORUM   MASTERS LOST   STORES LOST
single                            1          1         1 stacked   0         1 of 1   0              0
one master, two workers           3          1         1 stacked   2         1 of 1   0              0
stacked, three masters            6          3         3 stacked   3         2 of 3   1              1
stacked, five masters             8          5         5 stacked   3         3 of 5   2              2
external store                    8          2         3 own       3         2 of 3   1              1
external store, no single point   9          3         3 own       3         2 of 3   2              1
`,
    );
  });

  it("of two masters is drawn, and advised against", () => {
    expect(describeTopology({ name: "stacked", masters: 2, stores: 0, workers: 1, external: false })).toBe(
      `┌─master 1───────────┐ ┌─master 2───────────┐
│ store              │ │ store              │
│ apiserver          │ │ apiserver          │
│ scheduler          │ │ scheduler          │
│ controller-manager │ │ controller-manager │
│ node-agent         │ │ node-agent         │
│ proxy              │ │ proxy              │
│ dns                │ │ dns                │
└────────────────────┘ └────────────────────┘
        ▲ TLS, each agent knows all masters
┌─worker 1───┐
│ node-agent │
│ proxy      │
│ dns        │
│ pods       │
└────────────┘

TOPOLOGY   MACHINES   MASTERS   STORE       WORKERS   QUORUM   MASTERS LOST   STORES LOST
stacked    3          2         2 stacked   1         2 of 2   0              0

No master may be lost.
Note: 2 store members survive no more failures than 1: take an odd number.
Note: one worker: its pods have nowhere else to go.
`,
    );
  });
});
