// Extenders over real HTTP: a process that has its say, keeps silent, or dies, while the scheduler goes on.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { events, nodes, pods } from "@coxswain/api/core/v1";
import { systemClock } from "@coxswain/clock";
import { apiNode, apiPod, createWorld } from "../testing/world.ts";
import type { World } from "../testing/world.ts";
import { readConfiguration } from "./core/configuration/configuration.ts";
import type { Clock } from "@coxswain/clock";

type Answer = (verb: string, body: Record<string, unknown>) => unknown;
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** An extender that answers with `answer`, or not at all for undefined; and what it was asked. */
async function serve(answer: Answer): Promise<{ readonly url: string; readonly asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const verb = (request.url ?? "").slice(1);
      asked.push(verb);
      const result = answer(verb, JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>);
      if (result === undefined) return;
      response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(result));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

/** A scheduler with that extender; the nodes are there before it starts. */
async function start(extender: object, ...names: readonly string[]): Promise<World<Clock>> {
  const { configuration, errors } = readConfiguration(
    { apiVersion: "kubescheduler.config.k8s.io/v1", kind: "KubeSchedulerConfiguration", extenders: [extender] },
    () => 200,
  );
  expect(errors).toEqual([]);
  const world = createWorld(systemClock, { faults: { slowMs: 0 } });
  for (const name of names) await world.api.resource(nodes).create(apiNode(name, "4"));
  const { scheduler } = await world.run({ scheduling: configuration });
  closing.push(() => scheduler.stop());
  return world;
}

async function eventually<T>(look: () => T | undefined): Promise<T> {
  for (let tries = 0; tries < 1500; tries++) {
    const found = look();
    if (found !== undefined) return found;
    await systemClock.sleep(10);
  }
  throw new Error("not within fifteen seconds");
}

const nodeOf = ({ api }: World<Clock>, name: string): Promise<string> =>
  eventually(() => api.all(pods).find(({ metadata }) => metadata.name === name)?.spec?.nodeName);
const messageOf = ({ api }: World<Clock>, name: string): Promise<string> =>
  eventually(() => api.all(events).find(({ involvedObject }) => involvedObject.name === name)?.message);

describe("an extender", () => {
  test("filters and prefers; what it turns down is said with its reason", async () => {
    const { url, asked } = await serve((verb, { NodeNames }) => {
      const names = NodeNames as string[];
      if (verb === "filter")
        return { NodeNames: names.filter((name) => name !== "n1"), FailedNodes: { n1: "node(s) are in the shade" } };
      return names.map((Host) => ({ Host, Score: Host === "n3" ? 10 : 0 }));
    });
    const world = await start(
      { urlPrefix: url, filterVerb: "filter", prioritizeVerb: "prioritize", weight: 5, nodeCacheCapable: true },
      ...["n1", "n2", "n3"],
    );
    await world.api.resource(pods).create(apiPod("web", "1"));
    expect(await nodeOf(world, "web")).toBe("n3");
    expect(asked).toEqual(["filter", "prioritize"]);
    const nodeSelector = { "kubernetes.io/hostname": "n1" };
    await world.api.resource(pods).create(apiPod("dark", "1", { nodeSelector }));
    expect(await messageOf(world, "dark")).toContain("1 node(s) are in the shade");
  });

  test("is asked only about pods with its resources, which are then none of ours, and may bind them itself", async () => {
    const bound: unknown[] = [];
    const { url, asked } = await serve((verb, body) => {
      if (verb === "bind") bound.push(body);
      return verb === "bind" ? { Error: "" } : body["Nodes"] === null ? undefined : { Nodes: body["Nodes"] };
    });
    const managedResources = [{ name: "example.com/gpu", ignoredByScheduler: true }];
    const world = await start({ urlPrefix: url, filterVerb: "filter", bindVerb: "bind", managedResources });
    await world.api.resource(nodes).create(apiNode("n", "4"));
    await world.api.resource(pods).create(apiPod("plain", "1"));
    expect(await nodeOf(world, "plain")).toBe("n");
    expect(asked).toEqual([]);
    const requests = { "example.com/gpu": "1" };
    await world.api
      .resource(pods)
      .create(apiPod("special", "1", { containers: [{ name: "m", image: "i", resources: { requests } }] }));
    await eventually(() => (bound.length > 0 ? true : undefined));
    expect(asked).toEqual(["filter", "bind"]);
    expect(bound).toMatchObject([{ PodName: "special", PodNamespace: "default", Node: "n" }]);
  });

  test("that does not answer holds its pods up, unless it is ignorable", async () => {
    const { url } = await serve(() => undefined);
    const strict = await start({ urlPrefix: url, filterVerb: "filter", httpTimeout: "200ms" });
    await strict.api.resource(nodes).create(apiNode("n", "4"));
    await strict.api.resource(pods).create(apiPod("web", "1"));
    expect(await messageOf(strict, "web")).toContain("did not answer within 200 ms");
    expect(strict.api.all(pods)[0]?.spec?.nodeName).toBeUndefined();
    const lenient = await start({ urlPrefix: url, filterVerb: "filter", httpTimeout: "200ms", ignorable: true });
    await lenient.api.resource(nodes).create(apiNode("n", "4"));
    await lenient.api.resource(pods).create(apiPod("web", "1"));
    expect(await nodeOf(lenient, "web")).toBe("n");
  });

  test("that takes its time does not make the scheduler act on what has changed meanwhile", async () => {
    let world: World<Clock> | undefined;
    let asked = 0;
    const { url } = await serve((_verb, { NodeNames }) => {
      // While it thinks, the only node that it is asked about loses its label.
      if (++asked === 1 && world !== undefined) {
        const { api } = world;
        const [picked] = api.all(nodes).filter(({ metadata }) => metadata.name === "labelled");
        if (picked !== undefined)
          void api.resource(nodes).update({ ...picked, metadata: { ...picked.metadata, labels: { disk: "none" } } });
      }
      return { NodeNames };
    });
    world = await start({ urlPrefix: url, filterVerb: "filter", nodeCacheCapable: true });
    await world.api.resource(nodes).create(apiNode("labelled", "4", { disk: "ssd" }));
    await world.api.resource(pods).create(apiPod("web", "1", { nodeSelector: { disk: "ssd" } }));
    await eventually(() => (asked > 0 ? true : undefined));
    await world.api.resource(nodes).create(apiNode("other", "4", { disk: "ssd" }));
    expect(await nodeOf(world, "web")).toBe("other");
  });

  test("spares victims of a preemption, or rules a node out", async () => {
    const { url } = await serve((_verb, { NodeNameToMetaVictims }) => {
      const victims = NodeNameToMetaVictims as Record<string, unknown>;
      return { NodeNameToMetaVictims: Object.fromEntries(Object.entries(victims).filter(([name]) => name === "n2")) };
    });
    const world = await start({ urlPrefix: url, preemptVerb: "preempt", nodeCacheCapable: true }, "n1", "n2");
    for (const name of ["low-1", "low-2"]) await world.api.resource(pods).create(apiPod(name, "3"));
    for (const name of ["low-1", "low-2"]) await nodeOf(world, name);
    await world.api.resource(pods).create(apiPod("vip", "3", { priority: 10 }));
    expect(await nodeOf(world, "vip")).toBe("n2");
  });
});
