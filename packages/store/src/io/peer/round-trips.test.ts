import { expect, test } from "vitest";
import { RoundTrips } from "./round-trips.ts";

test("a round trip is counted from the first heartbeat that was not answered, for each peer by itself", () => {
  let nowMs = 0;
  const trips = new RoundTrips({ monotonic: () => nowMs });
  const seen: [bigint, number][] = [];
  trips.tell = (to, ms) => seen.push([to, ms]);
  trips.asked(1n);
  nowMs = 100;
  trips.asked(1n);
  trips.asked(2n);
  nowMs = 103;
  trips.answered(2n);
  nowMs = 250;
  trips.answered(1n);
  trips.answered(1n);
  expect(seen).toEqual([
    [2n, 3],
    [1n, 250],
  ]);
});
