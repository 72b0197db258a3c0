import { expect, it } from "vitest";
import type { JournalEntry } from "./journal.ts";
import { leftBehind, unhealed } from "./journal.ts";

const injecting: JournalEntry = {
  at: 2,
  kind: "injecting",
  actions: [
    { act: "power-off", machine: "m4" },
    { act: "cut", links: [{ from: "m1", to: "m2" }] },
    { act: "cut", links: [{ from: "m2", to: "m1" }] },
    { act: "kill", machine: "m1", daemon: "store" },
  ],
};
const made: JournalEntry = { at: 1, kind: "made", namespace: "drill-x", prefix: "drill-x/" };

it("knows what is to be undone from what was written down before it was done, last first and each once", () => {
  expect(unhealed([made, injecting])).toEqual([{ act: "mend" }, { act: "power-on", machine: "m4" }]);
});

it("undoes nothing that was healed", () => {
  expect(unhealed([made, injecting, { at: 3, kind: "healed", by: "driver" }])).toEqual([]);
});

it("remembers what was made until the drill has finished", () => {
  expect(leftBehind([made, injecting])).toEqual(made);
  expect(leftBehind([made, { at: 4, kind: "finished" }])).toBeUndefined();
});
