// The workloads of Kubernetes' own scheduler benchmark (test/integration/scheduler_perf), by name: so many nodes, pods that are
// there already, and pods that are measured. Templates are the same in all that a scheduler looks at.
import type { Node, Pod, PodSpec } from "@coxswain/api/core/v1";

export interface Workload {
  readonly name: string;
  readonly nodes: number;
  readonly zones?: readonly string[];
  readonly init: readonly PodSet[];
  readonly measured: PodSet;
  /** Pods per second that it should reach. */
  readonly aim: number;
}

export interface PodSet {
  readonly count: number;
  readonly namespace?: string;
  readonly template: Template;
  /** These find no node and are not waited for. */
  readonly stuck?: boolean;
}

interface Template {
  readonly labels?: Readonly<Record<string, string>>;
  readonly cpu?: string;
  readonly spec?: Partial<PodSpec>;
}

const hostname = "kubernetes.io/hostname";
const zone = "topology.kubernetes.io/zone";
const namespaces = ["sched-1", "sched-0"];
const term = (color: string, topologyKey: string): Record<string, unknown> => ({
  labelSelector: { matchLabels: { color } },
  topologyKey,
  namespaces,
});
const required = (kind: "podAffinity" | "podAntiAffinity", color: string, key: string): Template => ({
  labels: { color },
  spec: {
    affinity: { [kind]: { requiredDuringSchedulingIgnoredDuringExecution: [term(color, key)] } },
  } as Partial<PodSpec>,
});
const preferred = (kind: "podAffinity" | "podAntiAffinity", color: string): Template => ({
  labels: { color },
  spec: {
    affinity: {
      [kind]: {
        preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: term(color, hostname) }],
      },
    },
  } as Partial<PodSpec>,
});
const spread = (whenUnsatisfiable: "DoNotSchedule" | "ScheduleAnyway"): Template => ({
  labels: { color: "blue" },
  spec: {
    topologySpreadConstraints: [
      { maxSkew: 5, topologyKey: zone, whenUnsatisfiable, labelSelector: { matchLabels: { color: "blue" } } },
    ],
  },
});
const plain: Template = {};
const nodeAffinity: Template = {
  spec: {
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: zone, operator: "In", values: ["zone1", "zone2"] }] }],
        },
      },
    },
  },
};
const moons = ["moon-1", "moon-2", "moon-3"];
const both = (template: Template, init: number, count: number): Pick<Workload, "init" | "measured"> => ({
  init: [{ count: init, namespace: "sched-0", template }],
  measured: { count, namespace: "sched-1", template },
});
const after = (init: number, count: number, template: Template): Pick<Workload, "init" | "measured"> => ({
  init: [{ count: init, template: plain }],
  measured: { count, template },
});

export const workloads: readonly Workload[] = [
  { name: "SchedulingBasic", nodes: 5000, aim: 2000, ...after(1000, 10_000, plain) },
  { name: "SchedulingNodeAffinity", nodes: 5000, zones: ["zone1"], aim: 1500, ...both(nodeAffinity, 5000, 10_000) },
  {
    name: "SchedulingPodAntiAffinity",
    nodes: 5000,
    aim: 500,
    ...both(required("podAntiAffinity", "green", hostname), 1000, 2000),
  },
  {
    name: "SchedulingPodAffinity",
    nodes: 5000,
    zones: ["zone1"],
    aim: 500,
    ...both(required("podAffinity", "blue", zone), 5000, 5000),
  },
  {
    name: "SchedulingPreferredPodAffinity",
    nodes: 5000,
    aim: 500,
    ...both(preferred("podAffinity", "red"), 5000, 5000),
  },
  {
    name: "SchedulingPreferredPodAntiAffinity",
    nodes: 5000,
    aim: 500,
    ...both(preferred("podAntiAffinity", "yellow"), 5000, 5000),
  },
  { name: "TopologySpreading", nodes: 5000, zones: moons, aim: 500, ...after(5000, 5000, spread("DoNotSchedule")) },
  {
    name: "PreferredTopologySpreading",
    nodes: 5000,
    zones: moons,
    aim: 500,
    ...after(5000, 5000, spread("ScheduleAnyway")),
  },
  {
    name: "MixedSchedulingBasePod",
    nodes: 5000,
    zones: ["zone1"],
    aim: 500,
    init: [
      plain,
      required("podAffinity", "blue", zone),
      required("podAntiAffinity", "green", hostname),
      preferred("podAffinity", "red"),
      preferred("podAntiAffinity", "yellow"),
    ].map((template) => ({ count: 2000, namespace: "sched-0", template })),
    measured: { count: 5000, template: plain },
  },
  {
    name: "PreemptionBasic",
    nodes: 5000,
    aim: 500,
    init: [{ count: 20_000, template: { cpu: "900m" } }],
    measured: { count: 5000, template: { cpu: "3000m", spec: { priority: 10 } } },
  },
  {
    name: "Unschedulable",
    nodes: 5000,
    aim: 1500,
    init: [{ count: 200, template: { cpu: "9" }, stuck: true }],
    measured: { count: 10_000, template: plain },
  },
  { name: "SchedulingBasic 15000 nodes", nodes: 15_000, aim: 1000, ...after(1000, 10_000, plain) },
  {
    name: "Every pod of its own kind",
    nodes: 5000,
    aim: 500,
    init: [{ count: 1000, template: plain }],
    measured: { count: 5000, template: { labels: { unique: "*" } } },
  },
];

export function node(index: number, zones: readonly string[] | undefined): Node {
  const name = `node-${index}`;
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name,
      uid: name,
      labels: { [hostname]: name, ...(zones === undefined ? {} : { [zone]: zones[index % zones.length] ?? "" }) },
    },
    status: { allocatable: { cpu: "4", memory: "32Gi", pods: "110" } },
  };
}

export function pod(set: PodSet, index: number): Pod {
  const { labels = {}, cpu = "100m", spec = {} } = set.template;
  const name = `pod-${index}`;
  const own = Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, value === "*" ? name : value]));
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: set.namespace ?? "default", uid: `${set.namespace ?? ""}-${index}`, labels: own },
    spec: {
      ...spec,
      schedulerName: "default-scheduler",
      containers: [
        {
          name: "pause",
          image: "registry.k8s.io/pause:3.10",
          ports: [{ containerPort: 80 }],
          resources: { requests: { cpu, memory: "500Mi" }, limits: { cpu, memory: "500Mi" } },
        },
      ],
    },
    status: { phase: "Pending" },
  };
}
