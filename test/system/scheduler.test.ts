// What the scheduler promises (A060–A077), asked of the real daemon through kubectl, on nodes that are only objects. The same on
// machines with containers: scheduler-lab.test.ts.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { ControlPlane } from "../protocol/control-plane.ts";
import { eventually } from "./cluster.ts";
import { makeNodes, startSchedulingPlane } from "./scheduler-plane.ts";
import type { SchedulingPlane } from "./scheduler-plane.ts";

let scheduling: SchedulingPlane;
let plane: ControlPlane;

const configuration = `
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
  - schedulerName: default-scheduler
  - schedulerName: packing
    pluginConfig:
      - name: NodeResourcesFit
        args:
          scoringStrategy: {type: MostAllocated, resources: [{name: cpu, weight: 1}]}
    plugins:
      score:
        disabled: [{name: NodeResourcesBalancedAllocation}, {name: PodTopologySpread}]
  - schedulerName: careless
    plugins:
      multiPoint:
        disabled: [{name: TaintToleration}]
`;

beforeAll(async () => {
  scheduling = await startSchedulingPlane({ configuration });
  ({ plane } = scheduling);
  // No controllers run here that would make the first.
  await plane.must(["create", "serviceaccount", "default"]);
  await makeNodes(plane, [
    { name: "n1", labels: { "topology.kubernetes.io/zone": "a", disk: "ssd", size: "5" } },
    { name: "n2", labels: { "topology.kubernetes.io/zone": "a", size: "7" } },
    { name: "n3", labels: { "topology.kubernetes.io/zone": "b" } },
  ]);
});
afterEach(async () => {
  await plane.must(["delete", "pods", "--all", "--force", "--grace-period=0"]);
  await plane.must(["taint", "nodes", "--all", "test-"]).catch(() => undefined);
  await plane.must(["uncordon", "n1", "n2", "n3"]);
});
afterAll(() => scheduling?.[Symbol.asyncDispose]());

interface PodParts {
  readonly labels?: Readonly<Record<string, string>>;
  readonly cpu?: string;
  readonly spec?: Readonly<Record<string, unknown>>;
}

function manifest(name: string, { labels = {}, cpu = "100m", spec = {} }: PodParts): unknown {
  const containers = [{ name: "main", image: "web", resources: { requests: { cpu, memory: "64Mi" } } }];
  return { apiVersion: "v1", kind: "Pod", metadata: { name, labels }, spec: { containers, ...spec } };
}

async function create(...pods: readonly (readonly [name: string, parts?: PodParts])[]): Promise<void> {
  const items = pods.map(([name, parts = {}]) => manifest(name, parts));
  await plane.must(["create", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items }));
}

/** The node of a pod that must get one. */
function nodeOf(name: string): Promise<string> {
  return eventually(`pod ${name} has a node`, 20_000, async () => {
    const node = await plane.must(["get", "pod", name, "-o", "jsonpath={.spec.nodeName}"]);
    return node === "" ? undefined : node;
  });
}

/** The nodes of pods that must all get one, in the order of the names. */
function nodesOf(names: readonly string[]): Promise<readonly string[]> {
  return eventually(`pods ${names.join(", ")} have nodes`, 20_000, async () => {
    const path = '{range .items[*]}{.metadata.name}={.spec.nodeName}{" "}{end}';
    const text = await plane.must(["get", "pods", ...names, "-o", `jsonpath=${path}`]);
    const nodes = new Map(text.split(" ").map((pair) => pair.split("=") as [string, string]));
    const found = names.map((name) => nodes.get(name) ?? "");
    return found.includes("") ? undefined : found;
  });
}

/** Why a pod is not scheduled, as its condition says. */
function reasonOf(name: string, expected: RegExp): Promise<string> {
  return eventually(`pod ${name} is said to be unschedulable`, 20_000, async () => {
    const path = '{.spec.nodeName}{.status.conditions[?(@.type=="PodScheduled")].message}';
    const text = await plane.must(["get", "pod", name, "-o", `jsonpath=${path}`]);
    return expected.test(text) ? text : undefined;
  });
}

interface Decision {
  readonly node?: string;
  readonly because: string;
  readonly scored: readonly { readonly node: string; readonly total: number }[];
  readonly rejected: readonly { readonly node: string; readonly plugin: string; readonly detail: string }[];
}

const app = (name: string, key: string): unknown => ({
  labelSelector: { matchLabels: { app: name } },
  topologyKey: key,
});
const affinity = (kind: string, term: unknown): Readonly<Record<string, unknown>> => ({
  affinity: { [kind]: { requiredDuringSchedulingIgnoredDuringExecution: [term] } },
});
const selectNodes = (requirement: unknown): unknown => ({ nodeSelectorTerms: [{ matchExpressions: [requirement] }] });
const host = "kubernetes.io/hostname";
const zone = "topology.kubernetes.io/zone";

describe("the scheduler", () => {
  it("spreads 30 pods evenly over three equal nodes (A060, A068, A069)", async () => {
    const names = Array.from({ length: 30 }, (_unused, index) => `p${index}`);
    await create(...names.map((name) => [name] as const));
    const nodes = await nodesOf(names);
    const counts = ["n1", "n2", "n3"].map((node) => nodes.filter((one) => one === node).length);
    expect(counts).toEqual([10, 10, 10]);
  });

  it("gives nothing to nodes that are cordoned or tainted, and says which taint (A061, A076)", async () => {
    await plane.must(["cordon", "n1"]);
    await plane.must(["taint", "node", "n2", "node.kubernetes.io/memory-pressure:NoSchedule"]);
    await plane.must(["taint", "node", "n3", "test=yes:NoExecute"]);
    await create(["shy"], ["bold", { spec: { tolerations: [{ key: "test", value: "yes" }] } }]);
    expect(await nodeOf("bold")).toBe("n3");
    expect(await reasonOf("shy", /nodes are available/)).toBe(
      "0/3 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/memory-pressure: }, " +
        "1 node(s) had untolerated taint {test: yes}, 1 node(s) were unschedulable. " +
        "preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
    );
    await plane.must(["taint", "node", "n2", "node.kubernetes.io/memory-pressure:NoSchedule-"]);
    expect(await nodeOf("shy")).toBe("n2");
  });

  it("prefers a node without a PreferNoSchedule taint (A076)", async () => {
    await plane.must(["taint", "nodes", "n1", "n3", "test=no:PreferNoSchedule"]);
    await create(["a"], ["b"]);
    expect([await nodeOf("a"), await nodeOf("b")]).toEqual(["n2", "n2"]);
  });

  it("keeps a pod Pending that no node can hold, with the reason, until a node can (A062, A064, A066)", async () => {
    await create(["small", { cpu: "3" }], ["large", { cpu: "6" }]);
    expect(await reasonOf("large", /nodes are available/)).toBe(
      "0/3 nodes are available: 3 Insufficient cpu. " +
        "preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
    );
    const events = await plane.must(["get", "events", "--field-selector=involvedObject.name=large"]);
    expect(events).toContain("FailedScheduling");
    await makeNodes(plane, [{ name: "n4", cpu: "8" }]);
    const startedAt = performance.now();
    expect(await nodeOf("large")).toBe("n4");
    // The promise is one second; the machine that runs this may be busy.
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    await plane.must(["delete", "node", "n4"]);
  });

  it("says what each node has, what is taken, and never gives away more (A063, A064)", async () => {
    const names = Array.from({ length: 14 }, (_unused, index) => `p${index}`);
    await create(...names.map((name) => [name, { cpu: "900m" }] as const));
    // Four fit on each node; the last two stay.
    await eventually("twelve pods have a node", 20_000, async () => {
      const nodes = await plane.must(["get", "pods", "-o", "jsonpath={.items[*].spec.nodeName}"]);
      return nodes.split(" ").length === 12 ? true : undefined;
    });
    const { nodes } = await scheduling.ask<{
      nodes: readonly {
        readonly resources: Readonly<Record<string, { readonly requested: number; readonly free: number }>>;
      }[];
    }>("/debug/nodes");
    expect(nodes.map(({ resources }) => [resources["cpu"]?.requested, resources["cpu"]?.free])).toEqual([
      [3600, 400],
      [3600, 400],
      [3600, 400],
    ]);
  });

  it("explains every node of a decision, and binds to the one with the highest score (A065, A067, A070)", async () => {
    await create(
      ["load", { cpu: "2", spec: { nodeName: "n1" } }],
      ["picky", { spec: { nodeSelector: { [zone]: "a" } } }],
    );
    const node = await nodeOf("picky");
    const decision = await scheduling.ask<Decision>("/debug/decisions/default/picky");
    expect(decision.node).toBe(node);
    expect(decision.rejected).toEqual([
      {
        node: "n3",
        plugin: "NodeAffinity",
        reasons: ["node(s) didn't match Pod's node affinity/selector"],
        detail: `the pod selects ${zone}=a, the node has ${zone}=b`,
        preemptible: false,
      },
    ]);
    const [best] = decision.scored;
    expect(best).toMatchObject({ node });
    expect(Math.max(...decision.scored.map(({ total }) => total))).toBe(best?.total);
  });

  it("honours node affinity, required and preferred, with every operator (A071, A077)", async () => {
    const required = (requirement: unknown): PodParts => ({
      spec: {
        affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: selectNodes(requirement) } },
      },
    });
    const preference = { weight: 50, preference: { matchExpressions: [{ key: "disk", operator: "Exists" }] } };
    await create(
      ["in", required({ key: zone, operator: "In", values: ["b"] })],
      ["not-in", required({ key: zone, operator: "NotIn", values: ["a"] })],
      ["exists", required({ key: "disk", operator: "Exists" })],
      ["gt", required({ key: "size", operator: "Gt", values: ["6"] })],
      ["lt", required({ key: "size", operator: "Lt", values: ["6"] })],
      ["absent", required({ key: "size", operator: "DoesNotExist" })],
      [
        "preferred",
        { spec: { affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [preference] } } } },
      ],
      ["nowhere", required({ key: zone, operator: "In", values: ["moon"] })],
    );
    const names = ["in", "not-in", "exists", "gt", "lt", "absent", "preferred"];
    expect(await nodesOf(names)).toEqual(["n3", "n3", "n1", "n2", "n1", "n3", "n1"]);
    expect(await reasonOf("nowhere", /affinity/)).toContain("3 node(s) didn't match Pod's node affinity/selector");
  });

  it("puts web servers beside their cache, and no two caches on one host (A072, A073)", async () => {
    const cache = { labels: { app: "cache" }, spec: affinity("podAntiAffinity", app("cache", host)) };
    await create(["cache-1", cache]);
    const first = await nodeOf("cache-1");
    await create(["web", { spec: affinity("podAffinity", app("cache", host)) }]);
    expect(await nodeOf("web")).toBe(first);
    await create(["cache-2", cache], ["cache-3", cache], ["cache-4", cache]);
    const others = await eventually("two more caches run", 20_000, async () => {
      const text = await plane.must(["get", "pods", "-l", "app=cache", "-o", "jsonpath={.items[*].spec.nodeName}"]);
      const nodes = text.split(" ");
      return nodes.length === 3 ? nodes : undefined;
    });
    expect(others.sort()).toEqual(["n1", "n2", "n3"]);
    const left = await plane.must(["get", "pods", "-o", "json"]);
    const pending = (JSON.parse(left) as { items: { metadata: { name: string }; spec: { nodeName?: string } }[] }).items
      .filter(({ spec }) => spec.nodeName === undefined)
      .map(({ metadata }) => metadata.name);
    expect(pending).toHaveLength(1);
    expect(await reasonOf(pending[0] ?? "", /anti-affinity/)).toContain(
      "3 node(s) didn't match pod anti-affinity rules",
    );
  });

  it("spreads over zones, and keeps to a zone (A074)", async () => {
    const constraint = {
      maxSkew: 1,
      topologyKey: zone,
      whenUnsatisfiable: "DoNotSchedule",
      labelSelector: { matchLabels: { app: "spread" } },
    };
    const spread = { labels: { app: "spread" }, spec: { topologySpreadConstraints: [constraint] } };
    const names = ["s1", "s2", "s3", "s4"];
    await create(...names.map((name) => [name, spread] as const));
    const nodes = await nodesOf(names);
    expect(nodes.filter((node) => node === "n3")).toHaveLength(2);
    await create(["anchor", { labels: { app: "anchor" }, spec: { nodeName: "n2" } }]);
    await create(["near", { cpu: "2", spec: affinity("podAffinity", app("anchor", zone)) }]);
    expect(["n1", "n2"]).toContain(await nodeOf("near"));
  });

  it("lets important pods take the place of less important ones, with Kubernetes' words (A075)", async () => {
    await plane.must(["create", "priorityclass", "high", "--value=1000"]);
    await plane.must(["create", "priorityclass", "meek", "--value=1000", "--preemption-policy=Never"]);
    await create(["low-1", { cpu: "3" }], ["low-2", { cpu: "3" }], ["low-3", { cpu: "3" }]);
    await nodesOf(["low-1", "low-2", "low-3"]);
    await create(["waits", { cpu: "3" }]);
    expect(await reasonOf("waits", /nodes are available/)).toBe(
      "0/3 nodes are available: 3 Insufficient cpu. " +
        "preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.",
    );
    await create(["polite", { cpu: "3", spec: { priorityClassName: "meek" } }]);
    expect(await reasonOf("polite", /preemption:/)).toBe(
      "0/3 nodes are available: 3 Insufficient cpu. preemption: not eligible due to preemptionPolicy=Never.",
    );
    await create(["important", { cpu: "3", spec: { priorityClassName: "high" } }]);
    const nominated = await eventually("a node is being cleared", 20_000, async () => {
      const node = await plane.must(["get", "pod", "important", "-o", "jsonpath={.status.nominatedNodeName}"]);
      return node === "" ? undefined : node;
    });
    const leaving = (
      JSON.parse(await plane.must(["get", "pods", "-o", "json"])) as {
        items: {
          metadata: { name: string; deletionTimestamp?: string };
          status: { conditions?: { type: string; reason?: string; message?: string }[] };
        }[];
      }
    ).items.filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
    expect(leaving).toHaveLength(1);
    expect(leaving[0]?.status.conditions).toContainEqual(
      expect.objectContaining({
        type: "DisruptionTarget",
        status: "True",
        reason: "PreemptionByScheduler",
        message: "default-scheduler: preempting to accommodate a higher priority pod",
      }),
    );
    const victim = leaving[0]?.metadata.name ?? "";
    // Nobody runs the pod here that would end it.
    await plane.must(["delete", "pod", victim, "--force", "--grace-period=0"]);
    expect(await nodeOf("important")).toBe(nominated);
    const events = await plane.must(["get", "events", "--field-selector", `involvedObject.name=${victim}`]);
    expect(events).toMatch(new RegExp(`Preempted\\s.*Preempted by pod \\S+ on node ${nominated}`));
    await plane.must(["delete", "priorityclass", "high", "meek"]);
  });

  it("follows the profile that a pod names (A075)", async () => {
    await create(["load", { cpu: "2", spec: { nodeName: "n2" } }]);
    await create(["packed", { cpu: "1", spec: { schedulerName: "packing" } }]);
    expect(await nodeOf("packed")).toBe("n2");
    await plane.must(["taint", "nodes", "n1", "n2", "n3", "test=yes:NoSchedule"]);
    await create(
      ["careless", { spec: { schedulerName: "careless" } }],
      ["strange", { spec: { schedulerName: "other" } }],
    );
    await nodeOf("careless");
    expect(await plane.must(["get", "pod", "strange", "-o", "jsonpath={.spec.nodeName}"])).toBe("");
  });

  it("gives a host port once, waits for gates, and reads a volume's nodes (A077)", async () => {
    const port = { containers: [{ name: "m", image: "web", ports: [{ containerPort: 80, hostPort: 8080 }] }] };
    const onOne = { nodeSelector: { [host]: "n1" } };
    await create(["first", { spec: { ...port, ...onOne } }]);
    expect(await nodeOf("first")).toBe("n1");
    await create(["second", { spec: { ...port, ...onOne } }]);
    expect(await reasonOf("second", /free ports/)).toContain(
      "1 node(s) didn't have free ports for the requested pod ports",
    );
    await create(["gated", { spec: { schedulingGates: [{ name: "example.com/wait" }] } }], ["after"]);
    await nodeOf("after");
    expect(await plane.must(["get", "pod", "gated", "-o", "jsonpath={.spec.nodeName}"])).toBe("");
    await plane.must([
      "patch",
      "pod",
      "gated",
      "--type=json",
      "-p",
      '[{"op":"remove","path":"/spec/schedulingGates"}]',
    ]);
    await nodeOf("gated");
  });

  it("binds a waiting claim to a volume that the node reaches, before the pod (A077)", async () => {
    const metadata = (name: string): unknown => ({ name });
    const required = selectNodes({ key: host, operator: "In", values: ["n3"] });
    const storage = {
      apiVersion: "v1",
      kind: "List",
      items: [
        {
          apiVersion: "storage.k8s.io/v1",
          kind: "StorageClass",
          metadata: metadata("local"),
          provisioner: "kubernetes.io/no-provisioner",
          volumeBindingMode: "WaitForFirstConsumer",
        },
        {
          apiVersion: "v1",
          kind: "PersistentVolume",
          metadata: metadata("disk-n3"),
          spec: {
            capacity: { storage: "10Gi" },
            accessModes: ["ReadWriteOnce"],
            storageClassName: "local",
            local: { path: "/mnt/disk" },
            nodeAffinity: { required },
          },
        },
        {
          apiVersion: "v1",
          kind: "PersistentVolumeClaim",
          metadata: metadata("data"),
          spec: {
            accessModes: ["ReadWriteOnce"],
            storageClassName: "local",
            resources: { requests: { storage: "5Gi" } },
          },
        },
      ],
    };
    await plane.must(["create", "-f", "-"], JSON.stringify(storage));
    // No controller runs here that would find it available.
    const available = { status: { phase: "Available" } };
    await plane.must(["patch", "pv", "disk-n3", "--subresource=status", "-p", JSON.stringify(available)]);
    const withClaim = (claimName: string): PodParts => ({
      spec: { volumes: [{ name: "v", persistentVolumeClaim: { claimName } }] },
    });
    await create(["lost", withClaim("nothing")], ["stateful", withClaim("data")]);
    expect(await reasonOf("lost", /persistentvolumeclaim/)).toBe(
      '0/3 nodes are available: persistentvolumeclaim "nothing" not found. ' +
        "preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
    );
    const claimed = await eventually("the volume is promised to the claim", 20_000, async () => {
      const name = await plane.must(["get", "pv", "disk-n3", "-o", "jsonpath={.spec.claimRef.name}"]);
      return name === "" ? undefined : name;
    });
    expect(claimed).toBe("data");
    // What the volume controller does then.
    const bound = {
      metadata: { annotations: { "pv.kubernetes.io/bind-completed": "yes" } },
      spec: { volumeName: "disk-n3" },
    };
    await plane.must(["patch", "pvc", "data", "-p", JSON.stringify(bound)]);
    expect(await nodeOf("stateful")).toBe("n3");
  });

  it("goes on after being killed, and gives nothing away twice (A064)", async () => {
    const names = Array.from({ length: 12 }, (_unused, index) => `k${index}`);
    await create(...names.slice(0, 6).map((name) => [name, { cpu: "900m" }] as const));
    await scheduling.killScheduler();
    await create(...names.slice(6).map((name) => [name, { cpu: "900m" }] as const));
    await scheduling.startScheduler();
    const nodes = await nodesOf(names);
    expect(["n1", "n2", "n3"].map((node) => nodes.filter((one) => one === node).length)).toEqual([4, 4, 4]);
  });
});
