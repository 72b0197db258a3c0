import { expect, test } from "vitest";
import { metricsTable, nodeMetrics, podMetrics } from "./objects.ts";
import { readSample } from "./samples.ts";
import { cpuQuantity, durationText, memoryQuantity, nodeUsage, podUsage } from "./usage.ts";

const scrape = (ms: number, nodeCpu: number, cpu: number, started = 1): string => `# HELP x y
# TYPE x counter
container_cpu_usage_seconds_total{container="main",namespace="n",pod="p"} ${cpu} ${ms}
container_cpu_usage_seconds_total{container="we\\"ird",namespace="n",pod="p"} 0 ${ms}
container_memory_working_set_bytes{container="main",namespace="n",pod="p"} 2048 ${ms}
container_memory_working_set_bytes{container="we\\"ird",namespace="n",pod="p"} 1024 ${ms}
container_start_time_seconds{container="main",namespace="n",pod="p"} ${started}
container_start_time_seconds{container="we\\"ird",namespace="n",pod="p"} 1
node_cpu_usage_seconds_total ${nodeCpu} ${ms}
node_memory_working_set_bytes 1.048576e+06 ${ms}
`;

test("two samples make usages, and objects and a table of them", () => {
  const history = [readSample(scrape(10_000, 100, 5), 0), readSample(scrape(25_000, 115, 8), 0)];
  const node = nodeUsage(history);
  const pod = podUsage(history, "n/p");
  expect(node).toEqual({ timestampMs: 25_000, windowMs: 15_000, cpuNanoCores: 1_000_000_000, memoryBytes: 1_048_576 });
  expect([...(pod ?? [])]).toEqual([
    ["main", { timestampMs: 25_000, windowMs: 15_000, cpuNanoCores: 200_000_000, memoryBytes: 2_048 }],
    ['we"ird', { timestampMs: 25_000, windowMs: 15_000, cpuNanoCores: 0, memoryBytes: 1_024 }],
  ]);
  const named = (name: string, namespace?: string) => ({
    apiVersion: "v1",
    kind: "X",
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), labels: { a: "b" }, uid: "u" },
  });
  const ofPod = podMetrics(named("p", "n"), pod ?? new Map(), 30_000);
  expect([nodeMetrics(named("w"), node!, 30_000), ofPod]).toEqual([
    {
      kind: "NodeMetrics",
      apiVersion: "metrics.k8s.io/v1beta1",
      metadata: { name: "w", creationTimestamp: "1970-01-01T00:00:30Z", labels: { a: "b" } },
      timestamp: "1970-01-01T00:00:25Z",
      window: "15s",
      usage: { cpu: "1", memory: "1Mi" },
    },
    {
      kind: "PodMetrics",
      apiVersion: "metrics.k8s.io/v1beta1",
      metadata: { name: "p", namespace: "n", creationTimestamp: "1970-01-01T00:00:30Z", labels: { a: "b" } },
      timestamp: "1970-01-01T00:00:25Z",
      window: "15s",
      containers: [
        { name: "main", usage: { cpu: "200m", memory: "2Ki" } },
        { name: 'we"ird', usage: { cpu: "0", memory: "1Ki" } },
      ],
    },
  ]);
  expect(metricsTable([ofPod])).toMatchObject({ kind: "Table", rows: [{ cells: ["p", "200m", "3Ki", "15s"] }] });
});

test("a container that is new, or began anew, counts from its start; one look at a node says nothing", () => {
  const first = readSample(scrape(10_000, 100, 5), 0);
  const again = readSample(scrape(20_000, 100, 2, 16), 0);
  expect([nodeUsage([first]), podUsage([], "n/p"), podUsage([first], "n/other")]).toEqual([
    ...[undefined, undefined, undefined],
  ]);
  expect(podUsage([first], "n/p")?.get("main")).toMatchObject({ windowMs: 9_000, cpuNanoCores: 555_555_556 });
  expect(podUsage([first, again], "n/p")?.get("main")).toMatchObject({ windowMs: 4_000, cpuNanoCores: 500_000_000 });
});

test("quantities are written as Kubernetes writes them", () => {
  expect([cpuQuantity(0), cpuQuantity(1), cpuQuantity(1_500), cpuQuantity(2_000_000), cpuQuantity(3e9)]).toEqual([
    ...["0", "1n", "1500n", "2m", "3"],
  ]);
  expect([memoryQuantity(1_000), memoryQuantity(4_096), memoryQuantity(3 * 2 ** 30)]).toEqual(["1000", "4Ki", "3Gi"]);
  expect([durationText(15_012), durationText(999), durationText(60_500)]).toEqual(["15.012s", "999ms", "1m0.5s"]);
});
