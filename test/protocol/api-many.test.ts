// Two apiservers on one store: they share no memory, and a client may not notice which one it talks to. Watches are followed
// through churn, kills and restarts without a gap or a repeat; addresses are given out once.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SeenEvent } from "./api-watchers.ts";
import { watch } from "./api-watchers.ts";
import { run } from "../system/cluster.ts";
import type { ControlPlane } from "./control-plane.ts";
import { startControlPlane } from "./control-plane.ts";

const configMaps = "/api/v1/namespaces/many/configmaps";

describe.each(["ours", "etcd"] as const)("two apiservers over %s as the store", (store) => {
  let plane: ControlPlane;
  beforeAll(async () => {
    plane = await startControlPlane({ store, apiservers: 2 });
    await plane.call("POST", "/api/v1/namespaces", { body: { metadata: { name: "many" } } });
  });
  afterAll(() => plane?.[Symbol.asyncDispose]());

  it("what one has acknowledged the other has, at once", async () => {
    for (let round = 0; round < 20; round += 1) {
      const [here, there] = [round % 2, (round + 1) % 2];
      const name = `seen-${round}`;
      await plane.call("POST", configMaps, { server: here, body: { metadata: { name } } });
      const { body } = await plane.call("GET", configMaps, { server: there });
      expect(body.items.map((item) => item.metadata.name)).toContain(name);
      expect((await plane.call("GET", `${configMaps}/${name}`, { server: there })).status).toBe(200);
    }
  });

  // An old etcd cannot say where history ends: a restarted server answers 410 for what was before it (docs/divergences.md).
  const restarts = store === "ours";

  it("a watch goes on at the other one, over kills and restarts, without a gap or a repeat", async () => {
    const since = (await plane.call("GET", configMaps)).body.metadata.resourceVersion;
    const following = follow(plane, since);
    const written: string[] = [];
    const names = Array.from({ length: 20 }, (_unused, index) => `churn-${index}`);
    const write = async (method: string, name: string, round: number): Promise<void> => {
      const body = method === "DELETE" ? undefined : { metadata: { name }, data: { round: String(round) } };
      const path = method === "POST" ? configMaps : `${configMaps}/${name}`;
      // The first server is never killed: each of these writes happens exactly once.
      const answer = await plane.call(method, path, { body });
      expect(answer.status).toBeLessThan(300);
      written.push(`${{ POST: "ADDED", PUT: "MODIFIED" }[method] ?? "DELETED"} ${name}`);
    };
    for (let round = 0; round < 6; round += 1) {
      for (const name of names) {
        await write("POST", name, round);
        await write("PUT", name, round + 1);
        await write("DELETE", name, round);
      }
      const other = restarts ? plane.servers[1] : undefined;
      if (round === 1) await other?.stop("SIGKILL");
      if (round === 2) await other?.restart();
      if (round === 3) await other?.stop("SIGTERM");
      if (round === 4) await other?.restart();
    }
    const seen = await following.stopAfter(written.length);
    expect(seen.map(({ type, object }) => `${type} ${object.metadata.name}`)).toEqual(written);
    const revisions = seen.map(({ object }) => Number(object.metadata.resourceVersion));
    expect(revisions).toEqual([...new Set(revisions)].sort((left, right) => left - right));
  });

  it("addresses and ports of services are given out once", async () => {
    const create = (index: number) =>
      plane.call("POST", "/api/v1/namespaces/many/services", {
        server: index % 2,
        body: { metadata: { name: `s-${index}` }, spec: { type: "NodePort", ports: [{ port: 80 }] } },
      });
    const made = await Promise.all(Array.from({ length: 60 }, (_unused, index) => create(index)));
    expect(made.map(({ status }) => status)).toEqual(made.map(() => 201));
    const addresses = made.map(({ body }) => body.spec.clusterIP);
    const ports = made.map(({ body }) => body.spec.ports[0]?.nodePort);
    expect([new Set(addresses).size, new Set(ports).size]).toEqual([60, 60]);
    const again = await plane.call("POST", "/api/v1/namespaces/many/services", {
      server: 1,
      body: { metadata: { name: "again" }, spec: { clusterIP: addresses[0], ports: [{ port: 80 }] } },
    });
    expect([again.status, again.body.message]).toEqual([
      422,
      expect.stringContaining("provided IP is already allocated"),
    ]);
  });

  it("events lie in the store under a lease, as nothing else does", async () => {
    const event = {
      metadata: { name: "happened" },
      involvedObject: { kind: "Pod", name: "p", namespace: "many" },
      reason: "Tested",
      type: "Normal",
    };
    expect((await plane.call("POST", "/api/v1/namespaces/many/events", { body: event })).status).toBe(201);
    const lease = async (key: string): Promise<unknown> => {
      const { cert, key: secret } = plane.pki.files("test", "apiserver-etcd-client");
      const flags = [`--endpoints=${plane.storeUrl}`, `--cert=${cert}`, `--key=${secret}`];
      const authority = `--cacert=${plane.pki.authorityFile("etcd-ca")}`;
      const { stdout } = await run("etcdctl", [...flags, authority, "get", key, "--write-out=json"]);
      return (JSON.parse(stdout) as { kvs: { lease?: number }[] }).kvs[0]?.lease;
    };
    expect(await lease("/registry/events/many/happened")).toBeGreaterThan(0);
    expect(await lease("/registry/namespaces/many")).toBeUndefined();
  });

  it("an update through one conflicts with an older one through the other", async () => {
    const { body: made } = await plane.call("POST", configMaps, { body: { metadata: { name: "shared" } } });
    const put = (server: number) =>
      plane.call("PUT", `${configMaps}/shared`, { server, body: { ...made, data: { from: String(server) } } });
    expect([(await put(0)).status, (await put(1)).status]).toEqual([200, 409]);
  });
});

/** After so many a follower goes over to the other server, bookmarks included. */
const eventsPerServer = 25;

/** Follows a collection as informers do: from the last revision seen, at whichever server answers. */
function follow(plane: ControlPlane, since: string) {
  const seen: SeenEvent[] = [];
  let revision = since;
  let isOver = false;
  let stop: (() => void) | undefined;
  let wanted = Number.POSITIVE_INFINITY;
  const enough = Promise.withResolvers<readonly SeenEvent[]>();
  const run = async (): Promise<void> => {
    for (let server = 1; !isOver; server = (server + 1) % 2) {
      const query = `resourceVersion=${revision}&timeoutSeconds=2&allowWatchBookmarks=true`;
      const watching = await watch(plane, `${configMaps}?${query}`, server).catch(() => undefined);
      if (!watching) {
        // That one is down: the other takes over.
        await new Promise((resolve) => setTimeout(resolve, 20));
        continue;
      }
      stop = () => watching.stop();
      let taken = 0;
      const take = (events: readonly SeenEvent[]): boolean => {
        for (const event of events.slice(taken)) {
          if (event.type === "ERROR") enough.reject(new Error(JSON.stringify(event.object)));
          revision = event.object.metadata.resourceVersion;
          if (event.type !== "BOOKMARK") seen.push(event);
        }
        taken = events.length;
        if (seen.length >= wanted) enough.resolve(seen);
        return taken >= eventsPerServer;
      };
      await watching.until(take).catch(() => undefined);
      watching.stop();
    }
  };
  run().catch(enough.reject);
  return {
    async stopAfter(count: number): Promise<readonly SeenEvent[]> {
      wanted = count;
      if (seen.length >= wanted) enough.resolve(seen);
      const all = await enough.promise;
      isOver = true;
      stop?.();
      return all;
    },
  };
}
