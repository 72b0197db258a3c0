// A full backend, on a real process: told beforehand, refused when it is full, never kept from making room, and over by itself.
import { systemClock } from "@coxswain/clock";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createProcessGroup } from "../testing/processes.ts";
import type { ProcessGroup } from "../testing/processes.ts";

const all = { key: "\0", rangeEnd: "\0" };

describe("the quota", { timeout: 60_000 }, () => {
  let group: ProcessGroup;
  beforeEach(async () => void (group = await createProcessGroup()));
  afterEach(() => group[Symbol.asyncDispose]());

  it("warns, refuses what adds, lets everything be taken away, and opens again when compaction has made room", async () => {
    const clientPort = await group.freePort();
    const started = await group.start({ name: "m1", clientPort, more: ["--quota-backend-bytes", "2000000"] });
    const client = group.client(clientPort);
    const put = (count: number) => client.kv.put({ key: `k${count % 5}`, value: `${count}`.padEnd(50_000, "x") });
    let written = 0;
    const refused = await (async () => {
      for (;;) {
        try {
          await put(written);
          written++;
        } catch (error) {
          return error;
        }
      }
    })();
    expect(refused).toMatchObject({ code: 8, details: "etcdserver: mvcc: database space exceeded" });
    // Forty times 50 kB are 2 MB.
    expect(written).toBe(39);
    expect(started.output()).toContain("the backend is 70 % full");
    // Asked for through the log, behind the alarm.
    const { header, alarms } = await client.maintenance.alarm({ action: "GET" });
    const id = header?.memberId;
    expect(alarms).toEqual([{ memberId: id, alarm: "NOSPACE" }]);
    const { dbSize, dbSizeInUse, errors } = await client.maintenance.status({});
    expect(errors).toEqual([`memberID:${id} alarm:NOSPACE `]);
    expect(dbSize).toBeGreaterThanOrEqual(dbSizeInUse);
    expect(dbSizeInUse).toBeGreaterThan(1_950_000);
    await expect(client.lease.leaseGrant({ ttl: 100 })).rejects.toMatchObject({ code: 8 });
    await expect(client.kv.txn({ success: [{ requestPut: { key: Buffer.from("x") } }] })).rejects.toMatchObject({
      code: 8,
    });
    expect((await client.kv.deleteRange({ key: "k0" })).deleted).toBe(1);
    const { revision = 0 } = (await client.kv.range(all)).header ?? {};
    await client.kv.compact({ revision, physical: true });
    while ((await client.maintenance.alarm({ action: "GET" })).alarms.length > 0);
    expect((await put(0)).header?.revision).toBe(revision + 1);
    const after = await client.maintenance.status({});
    expect(after.dbSizeInUse).toBeLessThan(300_000);
    expect(after.dbSize).toBeLessThan(1_000_000);
    expect(after.errors).toEqual([]);
  });

  it("gives space back to the file system when it is asked to", async () => {
    const clientPort = await group.freePort();
    await group.start({ name: "m1", clientPort });
    const client = group.client(clientPort);
    for (let count = 0; count < 200; count++) await client.kv.put({ key: "k", value: `${count}`.padEnd(100_000, "x") });
    const { revision = 0 } = (await client.kv.range(all)).header ?? {};
    await client.kv.compact({ revision, physical: true });
    await client.maintenance.defragment({});
    const { dbSize, dbSizeInUse } = await client.maintenance.status({});
    expect(dbSizeInUse).toBeLessThan(110_000);
    expect(dbSize).toBeLessThan(1_000_000);
    expect((await client.kv.range(all)).kvs[0]?.value.length).toBe(100_000);
  });
});

describe("automatic compaction", { timeout: 60_000 }, () => {
  it("keeps what is younger than the period, and forgets the rest without being asked", async () => {
    await using group = await createProcessGroup();
    const clientPort = await group.freePort();
    await group.start({ name: "m1", clientPort, more: ["--auto-compaction-retention", "3s"] });
    const client = group.client(clientPort);
    for (let count = 0; count < 10; count++) await client.kv.put({ key: "k", value: `${count}` });
    const stopAt = systemClock.monotonic() + 30_000;
    for (;;) {
      const gone = await client.kv.range({ key: "k", revision: 5 }).then(
        () => false,
        (error: { code?: number }) => error.code === 11,
      );
      if (gone) break;
      expect(systemClock.monotonic()).toBeLessThan(stopAt);
    }
    expect((await client.kv.range({ key: "k" })).kvs[0]?.value.toString()).toBe("9");
  });
});
