// What a node promises that needs the API and a real engine: it joins and gets its certificates by asking, lets in who may, says
// what its containers use.
import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../system/cluster.ts";
import { startJoinedNode, until, whyNoNode } from "./joined-node.ts";
import type { JoinedNode } from "./joined-node.ts";

const absence = await whyNoNode();
const unified = existsSync("/sys/fs/cgroup/cgroup.controllers");

describe.skipIf(absence !== undefined)(`a node${absence === undefined ? "" : ` (skipped: ${absence})`}`, () => {
  let node: JoinedNode;
  let made: JoinedNode | undefined;
  beforeAll(async () => {
    node = made = await startJoinedNode();
  });
  afterAll(() => made?.[Symbol.asyncDispose]());
  const must = (args: readonly string[], input?: string): Promise<string> => node.plane.must(args, input);
  const apply = (...items: readonly unknown[]): Promise<string> =>
    must(["apply", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items }));

  test("joins with a bootstrap token, and gets the certificate of its server when somebody approves", async () => {
    const pair = join(node.rootDirectory, "pki", "kubelet-client-current.pem");
    expect(new X509Certificate(readFileSync(pair)).subject).toBe(`O=system:nodes\nCN=system:node:${node.name}`);
    expect(statSync(pair).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(node.plane.dir, "node.conf"), "utf8")).toContain(pair);

    const asked = async (): Promise<string> =>
      (
        await must(["get", "csr", "--field-selector=spec.signerName=kubernetes.io/kubelet-serving", "-o", "name"])
      ).trim();
    await until("the serving certificate is asked for", async () => (await asked()) !== "");
    await must(["certificate", "approve", await asked()]);
    // The API server trusts certificates of the cluster's authority only: it reaches the agent from now on.
    await until("the API server reaches the agent", async () => {
      const { code } = await node.plane.kubectl(["get", "--raw", `/api/v1/nodes/${node.name}/proxy/healthz`]);
      return code === 0;
    });
  });

  test("lets in tokens that the API server knows and that may, and says to the others why not", async () => {
    await apply(
      { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "reader" } },
      {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "ClusterRole",
        metadata: { name: "agent-reader" },
        rules: [{ apiGroups: [""], resources: ["nodes/metrics", "nodes/pods"], verbs: ["get"] }],
      },
      {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "ClusterRoleBinding",
        metadata: { name: "agent-reader" },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "agent-reader" },
        subjects: [{ kind: "ServiceAccount", name: "reader", namespace: "default" }],
      },
    );
    const token = (await must(["create", "token", "reader"])).trim();
    const user = "system:serviceaccount:default:reader";
    expect((await node.ask("/metrics", token)).status).toBe(200);
    expect((await node.ask("/pods", token)).status).toBe(200);
    expect(await node.ask("/stats/summary", token)).toEqual({
      status: 403,
      text: `Forbidden (user=${user}, verb=get, resource=nodes, subresource(s)=[stats])\n`,
    });
    expect(await node.ask("/containerLogs/default/a/b", token)).toMatchObject({ status: 403 });
    expect(await node.ask("/metrics", "nonsense")).toEqual({ status: 401, text: "Unauthorized" });
    expect(await node.ask("/metrics", "")).toEqual({ status: 401, text: "Unauthorized" });
    expect(await node.ask("/metrics")).toMatchObject({ status: 200 });
  });

  test("says what its containers and the machine use, as docker stats and /proc have it", async () => {
    const burn =
      "dd if=/dev/zero of=/data/scratch bs=1M count=20 2>/dev/null; x=$(head -c 30000000 /dev/zero | tr '\\0' x); ";
    await apply({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "worker" },
      spec: {
        nodeName: node.name,
        terminationGracePeriodSeconds: 0,
        volumes: [{ name: "data", emptyDir: {} }],
        containers: [
          {
            name: "main",
            image: "coxswain/busybox:1",
            command: ["sh", "-c", `${burn} while true; do i=$((i+1)); done`],
            volumeMounts: [{ name: "data", mountPath: "/data" }],
            resources: { limits: { cpu: "200m", memory: "256Mi" } },
            readinessProbe: { exec: { command: ["true"] }, periodSeconds: 1, timeoutSeconds: 30 },
          },
        ],
      },
    });
    await must(["wait", "--for=condition=Ready", "pod/worker", "--timeout=30s"]);
    const id = (
      await must(["get", "pod", "worker", "-o", "jsonpath={.status.containerStatuses[0].containerID}"])
    ).replace("docker://", "");
    const metric = async (path: string, name: string): Promise<number> => {
      const { text } = await node.ask(path);
      const line = text.split("\n").find((one) => one.startsWith(name) && /container="main"|node_/.test(one));
      return Number(/(?:\}|^\S+) (\S+)/.exec(line ?? "")?.[1]);
    };
    await until("the shell holds its memory", async () => {
      const bytes = await metric("/metrics/resource", "container_memory_working_set_bytes");
      return bytes > 30_000_000;
    });
    const docker = await run("docker", ["stats", "--no-stream", "--format", "{{json .}}", id]);
    const told = JSON.parse(docker.stdout) as { readonly MemUsage: string };
    const [, amount, unit] = /^([\d.]+)(MiB|KiB|GiB)/.exec(told.MemUsage) ?? [];
    const dockerBytes = Number(amount) * { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }[unit as "MiB"];
    const ours = await metric("/metrics/resource", "container_memory_working_set_bytes");
    expect(Math.abs(ours - dockerBytes) / dockerBytes).toBeLessThan(0.05);
    expect(await metric("/metrics/cadvisor", "container_memory_working_set_bytes")).toBeGreaterThan(30_000_000);
    expect(await metric("/metrics/cadvisor", "container_spec_cpu_quota")).toBe(20_000);

    // Two looks at the counter: throttled to a fifth of a core, as its limit says.
    const before = [await metric("/metrics/resource", "container_cpu_usage_seconds_total"), performance.now()] as const;
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const after = [await metric("/metrics/resource", "container_cpu_usage_seconds_total"), performance.now()] as const;
    expect((after[0] - before[0]) / ((after[1] - before[1]) / 1000)).toBeLessThan(0.25);
    expect(after[0]).toBeGreaterThan(before[0]);

    const machineTotal = Number(/MemTotal: +(\d+)/.exec(readFileSync("/proc/meminfo", "utf8"))?.[1]) * 1024;
    await until("the disk has been measured", async () => {
      const { pods } = summary(await node.ask("/stats/summary"));
      return (pods[0]?.volume?.[0]?.usedBytes ?? 0) > 0;
    });
    const { node: machine, pods } = summary(await node.ask("/stats/summary"));
    expect(Math.abs(machine.memory.availableBytes + machine.memory.workingSetBytes - machineTotal)).toBeLessThan(1);
    expect(machine.nodeName).toBe(node.name);
    expect(pods).toMatchObject([
      {
        podRef: { name: "worker", namespace: "default" },
        containers: [{ name: "main" }],
        network: { name: "eth0" },
        volume: [{ name: "data" }],
      },
    ]);
    expect(pods[0]?.volume?.[0]?.usedBytes).toBeGreaterThan(20_000_000);
    expect((await node.ask("/stats/summary?only_cpu_and_memory=true")).text).not.toContain("rootfs");

    // The same through the API, as people and autoscalers ask for it.
    expect(await must(["top", "node", node.name, "--no-headers"])).toMatch(
      new RegExp(`^${node.name} +\\d+m +\\d+% +\\d+Mi +\\d+%`),
    );
    const top = await must(["top", "pod", "-A", "--containers", "--no-headers", "--sort-by=cpu"]);
    const [, cpu, memory] = /^default +worker +main +(\d+)m +(\d+)Mi\s*$/.exec(top) ?? [];
    expect(Number(cpu)).toBeGreaterThan(0);
    expect(Number(cpu)).toBeLessThan(250);
    expect(Math.abs(Number(memory) * 2 ** 20 - ours) / ours).toBeLessThan(0.1);
    expect(await must(["get", "pods.metrics.k8s.io", "-l", "a=b"])).toBe("");
    expect(await must(["get", "nodes.metrics.k8s.io"])).toMatch(/^NAME +CPU +MEMORY +WINDOW\n/);
    const missing = await node.plane.kubectl([
      "get",
      "--raw",
      "/apis/metrics.k8s.io/v1beta1/namespaces/default/pods/x",
    ]);
    expect(missing.stderr.trim()).toBe('Error from server (NotFound): podmetrics.metrics.k8s.io "default/x" not found');
    const denied = await node.plane.kubectl(["top", "pod", "--as=jane"]);
    expect(denied.stderr).toContain('User "jane" cannot list resource "pods" in API group "metrics.k8s.io"');

    // And what else the kubelet's server has.
    expect((await node.ask("/metrics/probes")).text).toMatch(
      /prober_probe_total\{container="main",namespace="default",pod="worker",pod_uid="[^"]+",probe_type="Readiness",result="successful"\} \d+/,
    );
    expect(JSON.parse((await node.ask("/configz")).text)).toMatchObject({
      kubeletconfig: { kind: "KubeletConfiguration", maxPods: 110, evictionHard: { "nodefs.available": "10%" } },
    });
    expect(JSON.parse((await node.ask("/runningpods/")).text)).toMatchObject({
      kind: "PodList",
      items: [{ metadata: { name: "worker" }, spec: { containers: [{ name: "main" }] } }],
    });
    const through = `/api/v1/nodes/${node.name}/proxy/run/default/worker/main?cmd=cat+/proc/1/comm`;
    expect(await must(["create", "--raw", through, "-f", "/dev/null"])).toBe("sh\n");
    await must(["delete", "pod", "worker", "--wait=false"]);
  });

  test("does not take what does not fit, ends what takes too much, tells of kills, and empties itself under pressure", async () => {
    const pod = (name: string, script: string, more: object = {}, resources: object = {}): unknown => ({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name },
      spec: {
        nodeName: node.name,
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: "main",
            image: "coxswain/busybox:1",
            command: ["sh", "-c", script],
            volumeMounts: "volumes" in more ? [{ name: "cache", mountPath: "/cache" }] : [],
            resources,
          },
        ],
        ...more,
      },
    });
    const status = async (name: string): Promise<readonly string[]> =>
      (await must(["get", "pod", name, "-o", "jsonpath={.status.phase}\n{.status.reason}\n{.status.message}"])).split(
        "\n",
      );
    const failed = (name: string): Promise<void> =>
      until(`${name} has failed`, async () => (await status(name))[0] === "Failed");
    const eat = "while true; do (x=$(head -c 60000000 /dev/zero | tr '\\0' x)); sleep 1; done";
    await apply(
      pod("huge", "sleep 1000", {}, { requests: { cpu: "1000" } }),
      pod("full", "head -c 20000000 /dev/zero >/cache/f; sleep 1000", {
        volumes: [{ name: "cache", emptyDir: { sizeLimit: "5Mi" } }],
      }),
      pod("eater", eat, {}, { limits: { memory: "48Mi" } }),
    );
    await failed("huge");
    expect(await status("huge")).toEqual([
      "Failed",
      "OutOfcpu",
      expect.stringMatching(
        /^Pod was rejected: Node didn't have enough resource: cpu, requested: 1000000, used: \d+, capacity: \d+$/,
      ),
    ]);
    await failed("full");
    expect(await status("full")).toEqual([
      "Failed",
      "Evicted",
      'Usage of EmptyDir volume "cache" exceeds the limit "5Mi". ',
    ]);
    let told = "";
    await until("the kill of the child is told", async () => {
      told = await must(["get", "events", "--field-selector=reason=OOMKilling", "-o", "jsonpath={.items[*].message}"]);
      return told !== "";
    });
    // Of version 2 all of the container ends: what it used at most may have gone with it.
    const most = unified ? "(, most used 4\\d\\.\\dMi)?" : ", most used 4\\d\\.\\dMi";
    expect(told).toMatch(new RegExp(`^Memory cgroup out of memory: .* in container main, limit 48\\.0Mi${most}( |$)`));
    const ended = "jsonpath={.status.containerStatuses[0].lastState.terminated.reason}";
    if (unified)
      await until("the eater's container has ended for it", async () => {
        return (await must(["get", "pod", "eater", "-o", ended])) === "OOMKilled";
      });
    else expect(await must(["get", "pod", "eater", "-o", ended])).toBe("");
    expect((await status("eater"))[0]).toBe("Running");

    // Nearly everything must be free now: whoever is here goes, and nobody without a request is taken.
    await node.restartAgent(["--eviction-hard=memory.available<99%"]);
    await failed("eater");
    expect(await status("eater")).toEqual([
      "Failed",
      "Evicted",
      expect.stringMatching(
        /^The node was low on resource: memory\. Threshold quantity: \S+, available: \S+\. Container main was using \S+, request is 48Mi|^The node was low on resource: memory\. Threshold quantity: \S+, available: \S+\. /,
      ),
    ]);
    const pressure = "jsonpath={.status.conditions[?(@.type=='MemoryPressure')].status}";
    await until("the node shows its pressure", async () => {
      return (await must(["get", "node", node.name, "-o", pressure])) === "True";
    });
    await apply(pod("late", "sleep 1000"));
    await failed("late");
    expect((await status("late")).slice(1)).toEqual([
      "Evicted",
      "Pod was rejected: The node had condition: [MemoryPressure]. ",
    ]);

    // A stop that means the end of the machine gives pods their time and says why they ended.
    await node.restartAgent(["--shutdown-grace-period=20s", "--shutdown-grace-period-critical-pods=5s"]);
    await apply(pod("steady", "trap 'exit 0' TERM; while true; do sleep 0.1; done"));
    await must(["wait", "--for=condition=Ready", "pod/steady", "--timeout=90s"]);
    await node.restartAgent();
    expect(await status("steady")).toEqual([
      "Failed",
      "Terminated",
      "Pod was terminated in response to imminent node shutdown.",
    ]);
  }, 300_000);
});

interface Summary {
  readonly node: {
    readonly nodeName: string;
    readonly memory: { readonly availableBytes: number; readonly workingSetBytes: number };
  };
  readonly pods: readonly { readonly volume?: readonly { readonly usedBytes: number }[] }[];
}

function summary(answer: { readonly text: string }): Summary {
  return JSON.parse(answer.text) as Summary;
}
