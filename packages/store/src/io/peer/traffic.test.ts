// What is counted of each peer, over connections that end and begin.
import { Socket } from "node:net";
import { expect, it } from "vitest";
import { Traffic } from "./traffic.ts";

function socket(bytesWritten: number, bytesRead: number): Socket {
  return Object.defineProperties(new Socket(), {
    bytesWritten: { value: bytesWritten },
    bytesRead: { value: bytesRead },
  });
}

it("adds up what ended and what lives, and what could not be sent", () => {
  const traffic = new Traffic();
  const first = socket(10, 1);
  traffic.follow(1n, first);
  traffic.follow(1n, socket(5, 2));
  traffic.follow(2n, socket(7, 0));
  traffic.follow(0n, socket(99, 99));
  first.emit("close");
  traffic.drop(1n);
  traffic.drop(1n);
  traffic.drop(3n);
  expect(traffic.totals()).toEqual(
    new Map([
      [1n, { sentBytes: 15, receivedBytes: 3, dropped: 2 }],
      [2n, { sentBytes: 7, receivedBytes: 0, dropped: 0 }],
      [3n, { sentBytes: 0, receivedBytes: 0, dropped: 1 }],
    ]),
  );
});
