// Leases: grant, attach, renew, look, revoke, run out.
import { deepStrictEqual, ok } from "node:assert";
import type { Case } from "./case.ts";
import { pairs, prefixEnd, refused } from "./expectations.ts";

export const leaseCases: readonly Case[] = [
  {
    name: "holds keys on a lease and deletes them all with it, in one revision",
    run: async ({ client: { kv, lease }, prefix }) => {
      const { id, ttl } = await lease.leaseGrant({ ttl: 60 });
      ok(id !== 0n);
      deepStrictEqual(ttl, 60);
      await kv.put({ key: `${prefix}a`, lease: id });
      const before = (await kv.put({ key: `${prefix}b`, lease: id })).header?.revision ?? 0;
      const seen = await lease.leaseTimeToLive({ id, keys: true });
      deepStrictEqual([seen.grantedTTL, seen.keys.map(String).sort()], [60, [`${prefix}a`, `${prefix}b`]]);
      ok((await lease.leaseLeases({})).leases.some((one) => one.id === id));
      deepStrictEqual((await lease.leaseRevoke({ id })).header?.revision, before + 1);
      deepStrictEqual((await kv.range({ key: prefix, rangeEnd: prefixEnd(prefix) })).count, 0);
      deepStrictEqual((await lease.leaseTimeToLive({ id })).ttl, -1);
      await refused(lease.leaseRevoke({ id }), 5, "etcdserver: requested lease not found");
    },
  },
  {
    name: "takes the id that is asked for, once",
    run: async ({ client: { lease } }) => {
      const { id } = await lease.leaseGrant({ ttl: 60 });
      await refused(lease.leaseGrant({ ttl: 60, id }), 9, "etcdserver: lease already exists");
      await lease.leaseRevoke({ id });
      deepStrictEqual((await lease.leaseGrant({ ttl: 60, id })).id, id);
      await lease.leaseRevoke({ id });
      await refused(lease.leaseGrant({ ttl: 9_000_000_001 }), 11, "etcdserver: too large lease TTL");
    },
  },
  {
    name: "keeps a key on its last lease only",
    run: async ({ client: { kv, lease }, prefix }) => {
      const first = (await lease.leaseGrant({ ttl: 60 })).id;
      const second = (await lease.leaseGrant({ ttl: 60 })).id;
      const key = `${prefix}k`;
      await kv.put({ key, value: "v", lease: first });
      await kv.put({ key, value: "w", lease: second });
      await lease.leaseRevoke({ id: first });
      await kv.put({ key, value: "x", ignoreLease: true });
      deepStrictEqual(
        (await kv.range({ key })).kvs.map(({ lease: held }) => held),
        [second],
      );
      await kv.put({ key, value: "y" });
      await lease.leaseRevoke({ id: second });
      deepStrictEqual(pairs((await kv.range({ key })).kvs, prefix), ["k=y"]);
    },
  },
  {
    name: "renews a lease that is kept alive, and tells when it is gone",
    run: async ({ client: { lease, keepAlive }, signal }) => {
      const { id } = await lease.leaseGrant({ ttl: 60 });
      for await (const answer of keepAlive(id, { signal })) {
        deepStrictEqual([answer.id, answer.ttl], [id, 60]);
        break;
      }
      await lease.leaseRevoke({ id });
      await refused(
        keepAlive(id, { signal })[Symbol.asyncIterator]().next(),
        5,
        "etcdserver: requested lease not found",
      );
    },
  },
  {
    name: "deletes the keys of a lease that has run out",
    run: async ({ client: { kv, lease, watch }, prefix, signal }) => {
      const key = `${prefix}k`;
      const { id } = await lease.leaseGrant({ ttl: 1 });
      const put = await kv.put({ key, lease: id });
      for await (const { events } of watch({ key, startRevision: (put.header?.revision ?? 0) + 1, signal })) {
        const [event] = events;
        if (event === undefined) continue;
        deepStrictEqual([event.type, event.kv?.key.toString()], ["DELETE", key]);
        return;
      }
    },
  },
];
