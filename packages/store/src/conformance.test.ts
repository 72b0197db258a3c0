// etcd-api's suite, which real etcd passes, against this store as a process.
import { conformance } from "@coxswain/etcd-api/testing";
import type { EtcdClient } from "@coxswain/etcd-api";
import { afterAll, beforeAll, describe, it } from "vitest";
import { createProcessGroup } from "../testing/processes.ts";
import type { ProcessGroup } from "../testing/processes.ts";

describe("the store", () => {
  let group: ProcessGroup;
  let client: EtcdClient;
  beforeAll(async () => {
    group = await createProcessGroup();
    const clientPort = await group.freePort();
    await group.start({ name: "m1", clientPort });
    client = group.client(clientPort);
  });
  afterAll(() => group[Symbol.asyncDispose]());

  it.each(conformance.map((each, position) => ({ ...each, position })))("$name", async ({ run, position }) => {
    const aborter = new AbortController();
    try {
      await run({ client, prefix: `case ${position}/`, signal: aborter.signal });
    } finally {
      aborter.abort();
    }
  });
});
