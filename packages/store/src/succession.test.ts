import { createSimulatedClock } from "@coxswain/clock/testing";
import type { Message } from "raft-ts";
import { describe, expect, it } from "vitest";
import { Succession } from "./succession.ts";

function follower(leader: bigint | undefined, delays: readonly number[]) {
  const done: string[] = [];
  const clock = createSimulatedClock();
  const next = delays.values();
  const node = {
    leader,
    term: 3,
    forgetLeader() {
      node.leader = undefined;
      done.push("forgets");
    },
    campaign: () => void done.push(`asks at ${clock.monotonic()}`),
  };
  const random = {
    next: () => 0,
    uuid: () => "",
    bytes: () => new Uint8Array(),
    suffix: () => "",
    int: () => next.next().value ?? 0,
  };
  return { node, clock, done, succession: new Succession({ node, wake: () => {}, clock, random }) };
}
const preVote: Message = {
  type: "pre-vote",
  from: 2n,
  to: 1n,
  term: 4,
  lastIndex: 9,
  lastTerm: 3,
  transfer: false,
  known: { index: 9, term: 3 },
};

describe("a follower whose connection to the leader breaks", () => {
  it("forgets the leader, asks for pre-votes after a moment, and asks again while nobody leads", async () => {
    const { clock, done, succession, node } = follower(5n, [30, 0, 100]);
    succession.disconnected(5n);
    await clock.advance(29);
    expect(done).toEqual(["forgets"]);
    await clock.advance(1000 - 29);
    expect(done).toEqual(["forgets", "asks at 30", "asks at 230", "asks at 530", "asks at 730", "asks at 930"]);
    node.leader = undefined;
    await clock.advance(10_000);
    expect(done).toHaveLength(6);
  });

  it("lets another go first that has asked it meanwhile", async () => {
    const { clock, done, succession } = follower(5n, [30, 50]);
    succession.disconnected(5n);
    succession.heard(preVote);
    await clock.advance(279);
    expect(done).toEqual(["forgets"]);
    await clock.advance(1);
    expect(done).toEqual(["forgets", "asks at 280"]);
  });

  it("asks nothing when a leader is known again", async () => {
    const { clock, done, succession, node } = follower(5n, [30]);
    succession.disconnected(5n);
    node.leader = 2n;
    await clock.advance(10_000);
    expect(done).toEqual(["forgets"]);
  });

  it("does nothing when it is somebody else's connection, or it knows no leader, or it has stopped", async () => {
    const other = follower(5n, []);
    other.succession.disconnected(2n);
    const leaderless = follower(undefined, []);
    leaderless.succession.disconnected(5n);
    const stopped = follower(5n, [30]);
    stopped.succession.disconnected(5n);
    stopped.succession.stop();
    for (const { clock } of [other, leaderless, stopped]) await clock.advance(10_000);
    expect([other.done, leaderless.done, stopped.done]).toEqual([[], [], ["forgets"]]);
  });
});
