// The scheduler on three real workers, with containers that really run, stop and make room (A060, A061, A072, A073, A075, A076).
// Everything else it promises is asked on hollow nodes in scheduler.test.ts.
import { readdirSync, readlinkSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, startCluster } from "./cluster.ts";
import type { TestCluster } from "./cluster.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster(["--workers", "3", "--no-demo"]);
});
afterAll(() => cluster?.[Symbol.asyncDispose]());

const image = "coxswain/busybox:1";

function pod(name: string, labels: Readonly<Record<string, string>>, cpu: string, spec: object): unknown {
  const requests = { cpu, memory: "8Mi" };
  const container = {
    name: "main",
    image,
    imagePullPolicy: "Never",
    command: ["sleep", "600"],
    resources: { requests },
  };
  const metadata = { name, labels };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata,
    spec: { terminationGracePeriodSeconds: 1, containers: [container], ...spec },
  };
}

async function create(...items: readonly unknown[]): Promise<void> {
  await cluster.must(["create", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items }));
}

interface Shown {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly nodeName?: string };
  readonly status: { readonly phase: string; readonly conditions?: readonly { readonly message?: string }[] };
}

async function show(selector: string): Promise<readonly Shown[]> {
  return (JSON.parse(await cluster.must(["get", "pods", "-l", selector, "-o", "json"])) as { items: Shown[] }).items;
}

/** The nodes of the selected pods, once so many run. */
function running(selector: string, count: number): Promise<readonly string[]> {
  return eventually(`${count} pods of ${selector} run`, 60_000, async () => {
    const up = (await show(selector)).filter(({ status }) => status.phase === "Running");
    return up.length === count ? up.map(({ spec }) => spec.nodeName ?? "").sort() : undefined;
  });
}

const term = (app: string): unknown => ({
  labelSelector: { matchLabels: { app } },
  topologyKey: "kubernetes.io/hostname",
});
const required = (kind: string, app: string): object => ({
  affinity: { [kind]: { requiredDuringSchedulingIgnoredDuringExecution: [term(app)] } },
});

describe("the scheduler on three workers", () => {
  it("spreads pods that really run, and touches no container engine itself (A060, A069, A070)", async () => {
    await create(...Array.from({ length: 9 }, (_unused, index) => pod(`even-${index}`, { app: "even" }, "100m", {})));
    const nodes = await running("app=even", 9);
    const workers = [...new Set(nodes)];
    expect(workers).toHaveLength(3);
    expect(workers.map((worker) => nodes.filter((node) => node === worker).length)).toEqual([3, 3, 3]);
    const pid = Object.entries(cluster.pids()).find(([name]) => name.includes("scheduler"))?.[1] ?? 0;
    const files = readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return "";
      }
    });
    expect(files.filter((file) => file.includes("docker"))).toEqual([]);
    await cluster.must(["delete", "pods", "-l", "app=even", "--wait=false"]);
  });

  it("puts a web server beside its cache, and says why the fourth cache waits (A072, A073)", async () => {
    const cache = (name: string): unknown => pod(name, { app: "cache" }, "10m", required("podAntiAffinity", "cache"));
    await create(...["cache-1", "cache-2", "cache-3", "cache-4"].map(cache));
    expect(new Set(await running("app=cache", 3)).size).toBe(3);
    const waiting = (await show("app=cache")).find(({ spec }) => spec.nodeName === undefined);
    expect(waiting?.status.conditions?.[0]?.message).toContain("3 node(s) didn't match pod anti-affinity rules");
    await create(pod("only", { app: "only" }, "10m", {}));
    const beside = await running("app=only", 1);
    await create(pod("web", { app: "web" }, "10m", required("podAffinity", "only")));
    expect(await running("app=web", 1)).toEqual(beside);
    await cluster.must(["delete", "pods", "-l", "app in (cache, only, web)", "--wait=false"]);
  });

  it("lets an important pod run where less important ones ended for it (A075)", async () => {
    const allocatable = await cluster.must(["get", "nodes", "-o", "jsonpath={.items[0].status.allocatable.cpu}"]);
    const millis = allocatable.endsWith("m") ? Number(allocatable.slice(0, -1)) : Number(allocatable) * 1000;
    const most = `${Math.floor(millis * 0.6)}m`;
    await cluster.must(["create", "priorityclass", "vip", "--value=1000"]);
    await create(...["low-1", "low-2", "low-3"].map((name) => pod(name, { app: "low" }, most, {})));
    await running("app=low", 3);
    await create(pod("vip", { app: "vip" }, most, { priorityClassName: "vip" }));
    const [node] = await running("app=vip", 1);
    const left = await show("app=low");
    expect(left).toHaveLength(2);
    expect(left.map(({ spec }) => spec.nodeName)).not.toContain(node);
    const events = await cluster.must(["get", "events", "--field-selector", "reason=Preempted"]);
    expect(events).toContain(`on node ${node}`);
    await cluster.must(["delete", "pods", "-l", "app in (low, vip)", "--wait=false"]);
  });

  it("drives pods off a NoExecute taint, at once or after their time, and keeps new ones away (A061, A076)", async () => {
    const [node = ""] = (await cluster.must(["get", "nodes", "-o", "jsonpath={.items[*].metadata.name}"])).split(" ");
    const here = { nodeSelector: { "kubernetes.io/hostname": node } };
    const bearing = { key: "test", operator: "Exists", effect: "NoExecute" };
    await create(
      pod("shy", { app: "taint" }, "10m", here),
      pod("patient", { app: "taint" }, "10m", { ...here, tolerations: [{ ...bearing, tolerationSeconds: 3 }] }),
      pod("bold", { app: "taint" }, "10m", { ...here, tolerations: [bearing] }),
    );
    await running("app=taint", 3);
    await cluster.must(["taint", "node", node, "test=yes:NoExecute"]);
    await eventually("only the bold one is left", 60_000, async () => {
      const names = (await show("app=taint")).map(({ metadata }) => metadata.name);
      return names.join() === "bold" ? true : undefined;
    });
    await create(...["a", "b", "c", "d"].map((name) => pod(name, { app: "after" }, "10m", {})));
    expect(await running("app=after", 4)).not.toContain(node);
    await cluster.must(["taint", "node", node, "test-"]);
  });
});
