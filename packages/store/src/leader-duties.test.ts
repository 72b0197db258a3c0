import { createSeededRandom, createSimulatedClock } from "@coxswain/clock/testing";
import { createMemoryBackend } from "@coxswain/mvcc/testing";
import { openMvcc } from "@coxswain/mvcc";
import { describe, expect, it } from "vitest";
import { LeaseKeeper } from "./leader-duties.ts";
import { Proposals } from "./proposals.ts";

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => silent };

describe("a leader's keeper of leases", () => {
  it("tries again twice a second when every revocation is refused at once, as a removed leader's are", async () => {
    const clock = createSimulatedClock();
    const { leases } = await openMvcc(createMemoryBackend(), { minLeaseTtlSeconds: 1 });
    leases.promote(clock.monotonic(), 0);
    leases.grant(7n, 1, clock.monotonic());
    let proposals = 0;
    const refuse = (): "not-a-member" => {
      if (++proposals > 1000) throw new Error("it goes round in circles");
      return "not-a-member";
    };
    const keeper = new LeaseKeeper(
      () => leases,
      () => undefined,
      new Proposals(
        { memberId: 1n, maxRequestBytes: 1000, timeoutMs: 5000, leaderWaitMs: 2000 },
        {
          propose: refuse,
          proposeMembership: refuse,
          term: () => 1,
          backlog: () => 0,
          leads: () => true,
          leaderIsSilent: () => false,
          clock,
          random: createSeededRandom(1),
        },
      ),
      { clock },
      silent,
    );
    keeper.look();
    await clock.advance(6000);
    keeper.stop();
    // It runs out after one second; from then on every half second.
    expect(proposals).toBe(11);
  });
});
