import fc from "fast-check";
import { expect, it } from "vitest";
import { createTurnstile, rateOf, zoneState } from "./zones.ts";

const rates = { perSecond: 0.1, secondaryPerSecond: 0.01, unhealthyThreshold: 0.55, largeZone: 50 };
const rate = (ready: number, down: number): number => rateOf(zoneState({ ready, down }, rates), { ready, down }, rates);

it("a zone's pace follows how much of it is down", () => {
  expect(zoneState({ ready: 0, down: 1 }, rates)).toBe("full");
  expect(zoneState({ ready: 1, down: 2 }, rates)).toBe("normal");
  expect(zoneState({ ready: 1, down: 3 }, rates)).toBe("partial");
  expect([rate(10, 1), rate(4, 6), rate(40, 60), rate(0, 60)]).toEqual([0.1, 0, 0.01, 0.1]);
});

it("a turnstile lets no more through than one and the rate's share, and nobody waits longer than it said", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 30_000 }), { maxLength: 60 }), (steps) => {
      const turnstile = createTurnstile();
      let [nowMs, through, promisedMs] = [0, 0, Number.POSITIVE_INFINITY];
      for (const step of steps) {
        nowMs += step;
        const waitMs = turnstile.pass(0.1, nowMs);
        if (waitMs === 0) through++;
        else expect(nowMs).toBeLessThan(promisedMs);
        promisedMs = waitMs === 0 ? Number.POSITIVE_INFINITY : nowMs + waitMs;
      }
      expect(through).toBeLessThanOrEqual(1 + nowMs / 10_000);
    }),
  );
});
