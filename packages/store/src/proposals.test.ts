// How long a write waits, and what it is told, when its leader goes away: by a simulated clock.
import { createSeededRandom, createSimulatedClock } from "@coxswain/clock/testing";
import type { ProposalOutcome } from "raft-ts";
import { describe, expect, it } from "vitest";
import { decodeCommand } from "./core/command.ts";
import { Proposals } from "./proposals.ts";

function fixture() {
  const clock = createSimulatedClock();
  const world = {
    outcome: "forwarded" as ProposalOutcome,
    leads: false,
    term: 2,
    silent: false,
    proposed: [] as Uint8Array[],
  };
  const proposals = new Proposals(
    { memberId: 1n, maxRequestBytes: 1000, timeoutMs: 7000, leaderWaitMs: 1500 },
    {
      propose(data) {
        if (world.outcome === "forwarded" || world.outcome === "accepted") world.proposed.push(data);
        return world.outcome;
      },
      proposeMembership: () => "no-leader",
      term: () => world.term,
      leads: () => world.leads,
      backlog: () => 0,
      leaderIsSilent: () => world.silent,
      clock,
      random: createSeededRandom(1),
    },
  );
  const put = () => {
    const told: { atMs?: number; answer?: unknown; error?: string } = {};
    const request = { key: "k", value: "v" };
    proposals.propose<"put">({ kind: "put", request }).then(
      (answer) => Object.assign(told, { atMs: clock.monotonic(), answer }),
      (error: Error) => Object.assign(told, { atMs: clock.monotonic(), error: error.message }),
    );
    return told;
  };
  const apply = (data: Uint8Array | undefined): void => {
    if (!data) throw new Error("nothing was proposed");
    proposals.settle(decodeCommand(data).origin, { answer: { revision: 7, prevKv: undefined } });
  };
  return { clock, world, proposals, put, apply };
}

describe("a write", () => {
  it("is held while there is no leader, and goes as soon as there is one", async () => {
    const { clock, world, proposals, put, apply } = fixture();
    world.outcome = "no-leader";
    const told = put();
    await clock.advance(200);
    world.outcome = "forwarded";
    proposals.leaderFound();
    apply(world.proposed[0]);
    await clock.advance(0);
    expect(told).toEqual({ atMs: 200, answer: { revision: 7, prevKv: undefined } });
  });

  it("is refused within two seconds when no leader comes", async () => {
    const { clock, world, put } = fixture();
    world.outcome = "no-leader";
    const told = put();
    await clock.advance(2000);
    expect(told).toEqual({ atMs: 1500, error: "grpc 14: etcdserver: no leader" });
  });

  it("that was lost with its leader is made again under the next, once", async () => {
    const { clock, world, proposals, put, apply } = fixture();
    const told = put();
    proposals.connectionLost();
    await clock.advance(300);
    world.term = 3;
    proposals.termBegan(3);
    proposals.termBegan(3);
    expect(world.proposed).toHaveLength(2);
    expect(world.proposed[1]).toEqual(world.proposed[0]);
    apply(world.proposed[1]);
    await clock.advance(10_000);
    expect(told).toEqual({ atMs: 300, answer: { revision: 7, prevKv: undefined } });
  });

  it("is given up within two seconds when the connection broke over which it was sent", async () => {
    const { clock, proposals, put } = fixture();
    const told = put();
    proposals.connectionLost();
    await clock.advance(2000);
    const error = "grpc 14: etcdserver: request timed out, possibly due to connection lost";
    expect(told).toEqual({ atMs: 1500, error });
  });

  it("is given up within two seconds when the leader is silent, but not when it is only slow", async () => {
    const { clock, world, put } = fixture();
    const slow = put();
    await clock.advance(6000);
    expect(slow).toEqual({});
    world.silent = true;
    await clock.advance(250);
    const error = "grpc 14: etcdserver: request timed out, possibly due to previous leader failure";
    expect(slow).toEqual({ atMs: 6250, error });
    world.silent = false;
    const lost = put();
    await clock.advance(8000);
    expect(lost).toMatchObject({ error: "grpc 14: etcdserver: request timed out" });
  });
});

describe("a decision that is only this leader's", () => {
  const end = ({ proposals }: ReturnType<typeof fixture>) => {
    const told: { answer?: unknown; error?: string } = {};
    const command = { kind: "leaseRevoke", request: { id: 7n } } as const;
    proposals.propose<"leaseRevoke">(command, undefined, { inThisTerm: true }).then(
      (answer) => Object.assign(told, { answer }),
      (error: Error) => Object.assign(told, { error: error.message }),
    );
    return told;
  };

  it("is not made again under the next leader", async () => {
    const world = fixture();
    Object.assign(world.world, { outcome: "accepted", leads: true });
    const told = end(world);
    Object.assign(world.world, { outcome: "forwarded", leads: false, term: 3 });
    world.proposals.termBegan(3);
    await world.clock.advance(0);
    expect([told, world.world.proposed.length]).toEqual([{ error: "grpc 14: etcdserver: leader changed" }, 1]);
  });

  it("is not handed on by one that no longer leads", async () => {
    const world = fixture();
    const told = end(world);
    await world.clock.advance(0);
    expect([told, world.world.proposed.length]).toEqual([{ error: "grpc 14: etcdserver: leader changed" }, 0]);
  });
});
