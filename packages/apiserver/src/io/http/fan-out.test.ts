import { describe, expect, it } from "vitest";
import { createSimulatedClock } from "@coxswain/clock/testing";
import { createFanOut } from "./fan-out.ts";

function create() {
  const clock = createSimulatedClock();
  const due: (() => void)[] = [];
  const heard: string[] = [];
  const fanOut = createFanOut(clock, (run) => void due.push(run));
  const turn = (): void => {
    for (const run of due.splice(0)) run();
  };
  return { clock, fanOut, heard, turn };
}

describe("the fan-out of a watch", () => {
  it("calls each watcher once a round, however often it has something to say", () => {
    const { fanOut, heard, turn } = create();
    const [a, b] = ["a", "b"].map((name) => () => void heard.push(name));
    for (const flush of [a, b, a, a]) if (flush) fanOut.schedule(flush);
    expect(heard).toEqual([]);
    turn();
    expect(heard).toEqual(["a", "b"]);
  });

  it("rests after a long round, but not for long, and forgets nobody who comes meanwhile", async () => {
    let nowMs = 0;
    const { clock, heard } = create();
    const due: (() => void)[] = [];
    const slow = createFanOut({ ...clock, monotonic: () => nowMs, setTimeout: clock.setTimeout.bind(clock) }, (run) =>
      due.push(run),
    );
    slow.schedule(() => (nowMs += 40_000));
    due.pop()?.();
    slow.schedule(() => void heard.push("later"));
    await clock.advance(49);
    expect(due).toHaveLength(0);
    await clock.advance(1);
    due.pop()?.();
    expect(heard).toEqual(["later"]);
  });
});
