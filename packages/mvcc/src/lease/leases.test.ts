// Leases against a model that keeps every lease as a plain record and looks at all of them each time.
import fc from "fast-check";
import { expect, test } from "vitest";
import { createMemoryBackend } from "../../testing/memory-backend.ts";
import { openMvcc } from "../mvcc.ts";

const id = fc.bigInt({ min: 1n, max: 4n });
const key = fc.constantFrom("a", "b", "c");
const step = fc.oneof(
  fc.record({ do: fc.constant("grant" as const), id, ttl: fc.integer({ min: -1, max: 20 }) }),
  fc.record({ do: fc.constant("revoke" as const), id }),
  fc.record({ do: fc.constant("renew" as const), id }),
  fc.record({ do: fc.constant("put" as const), key, id: fc.oneof(fc.constant(0n), id) }),
  fc.record({ do: fc.constant("delete" as const), key }),
  fc.record({ do: fc.constant("pass" as const), ms: fc.integer({ min: 0, max: 8000 }) }),
  fc.record({ do: fc.constant("lead" as const), extendMs: fc.constantFrom(0, 1000) }),
  fc.record({ do: fc.constant("follow" as const) }),
  fc.record({ do: fc.constant("checkpoint" as const), id, remaining: fc.integer({ min: 0, max: 10 }) }),
  fc.record({ do: fc.constant("reopen" as const) }),
);

interface ModelLease {
  readonly ttl: number;
  remaining: number;
  expiresAt: number;
}
const minTtl = 3;

test("leases last, end, hang on keys and survive a restart as a plain list of them would", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const backend = createMemoryBackend();
      let mvcc = await openMvcc(backend, { minLeaseTtlSeconds: minTtl });
      const leases = new Map<bigint, ModelLease>();
      const keys = new Map<string, bigint>();
      let now = 0;
      let leads = false;
      for (const next of steps) {
        switch (next.do) {
          case "grant": {
            const ttl = Math.max(next.ttl, minTtl);
            const expected = leases.has(next.id) ? { refused: "lease-exists" } : { ttlSeconds: ttl };
            expect(mvcc.leases.grant(next.id, next.ttl, now)).toEqual(expected);
            if (!leases.has(next.id))
              leases.set(next.id, { ttl, remaining: 0, expiresAt: leads ? now + ttl * 1000 : Infinity });
            break;
          }
          case "revoke": {
            const known = leases.delete(next.id);
            const answer = mvcc.leases.revoke(next.id);
            expect("refused" in answer).toBe(!known);
            if (known) for (const [name, of] of Array.from(keys)) if (of === next.id) keys.delete(name);
            break;
          }
          case "renew": {
            const lease = leases.get(next.id);
            const answer = mvcc.leases.renew(next.id, now);
            if (!lease || lease.expiresAt <= now) expect(answer).toEqual({ refused: "lease-not-found" });
            else {
              expect(answer).toEqual({ ttlSeconds: lease.ttl, checkpoint: lease.remaining > 0 });
              if (leads) lease.expiresAt = now + lease.ttl * 1000;
            }
            break;
          }
          case "put": {
            const answer = mvcc.put({ key: Buffer.from(next.key), lease: next.id });
            const refused = next.id !== 0n && !leases.has(next.id);
            expect("refused" in answer).toBe(refused);
            if (!refused) keys.set(next.key, next.id);
            break;
          }
          case "delete":
            mvcc.deleteRange({ key: Buffer.from(next.key) });
            keys.delete(next.key);
            break;
          case "pass":
            now += next.ms;
            break;
          case "lead":
            leads = true;
            mvcc.leases.promote(now, next.extendMs);
            for (const lease of leases.values())
              lease.expiresAt = now + next.extendMs + (lease.remaining > 0 ? lease.remaining : lease.ttl) * 1000;
            break;
          case "follow":
            leads = false;
            mvcc.leases.demote();
            for (const lease of leases.values()) lease.expiresAt = Infinity;
            break;
          case "checkpoint": {
            mvcc.leases.checkpoint(next.id, next.remaining);
            const lease = leases.get(next.id);
            if (lease) lease.remaining = next.remaining;
            break;
          }
          case "reopen":
            mvcc = await openMvcc(backend, { minLeaseTtlSeconds: minTtl });
            leads = false;
            for (const lease of leases.values()) lease.expiresAt = Infinity;
            break;
        }
        const over = Array.from(leases).filter(([, lease]) => lease.expiresAt <= now);
        expect(new Set(mvcc.leases.expired(now, 10))).toEqual(new Set(over.map(([each]) => each)));
        const soonest = Math.min(...Array.from(leases.values(), (lease) => lease.expiresAt));
        expect(mvcc.leases.nextExpiryMs()).toBe(Number.isFinite(soonest) ? soonest : undefined);
      }
      expect(new Set(mvcc.leases.ids())).toEqual(new Set(leases.keys()));
      for (const each of leases.keys()) {
        const info = mvcc.leases.info(each, now);
        if ("refused" in info) throw new Error(info.refused);
        const hanging = Array.from(keys).filter(([, of]) => of === each);
        expect(info.keys.map((bytes) => Buffer.from(bytes).toString())).toEqual(
          hanging.map(([name]) => name).toSorted(),
        );
      }
      expect(mvcc.range({ key: Buffer.from("a"), rangeEnd: Buffer.from("d") })).toMatchObject({ count: keys.size });
    }),
    { numRuns: 500 },
  );
});
