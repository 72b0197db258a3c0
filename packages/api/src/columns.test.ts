import { humanDuration } from "@coxswain/apimachinery";
import { describe, expect, it } from "vitest";
import { complete } from "../testing/index.ts";
import { resources, tablePrinter } from "./index.ts";

/** Columns as Kubernetes has them: `#` is an integer, `?` a boolean, `@` a name, `^` a date, `+` wide only. */
const golden: Readonly<Record<string, string>> = {
  "core/v1.ComponentStatus": "Name@ Status Message Error",
  "core/v1.ConfigMap": "Name@ Data Age",
  "core/v1.Endpoints": "Name@ Endpoints Age",
  "core/v1.Event": "Last_Seen Type Reason Object Subobject+ Source+ Message First_Seen+ Count+ Name@+",
  "core/v1.LimitRange": "Name@ Created_At^",
  "core/v1.Namespace": "Name@ Status Age",
  "core/v1.Node":
    "Name@ Status Roles Age Version Internal-IP+ External-IP+ OS-Image+ Kernel-Version+ Container-Runtime+",
  "core/v1.PersistentVolume":
    "Name@ Capacity Access_Modes Reclaim_Policy Status Claim StorageClass VolumeAttributesClass Reason Age VolumeMode+",
  "core/v1.PersistentVolumeClaim":
    "Name@ Status Volume Capacity Access_Modes StorageClass VolumeAttributesClass Age VolumeMode+",
  "core/v1.Pod": "Name@ Ready Status Restarts Age IP+ Node+ Nominated_Node+ Readiness_Gates+",
  "core/v1.PodTemplate": "Name@ Containers Images Pod_Labels",
  "core/v1.ReplicationController": "Name@ Desired# Current# Ready# Age Containers+ Images+ Selector+",
  "core/v1.ResourceQuota": "Name@ Request Limit Age",
  "core/v1.Secret": "Name@ Type Data Age",
  "core/v1.Service": "Name@ Type Cluster-IP External-IP Port(s) Age Selector+",
  "core/v1.ServiceAccount": "Name@ Secrets Age",
  "admissionregistration/v1.MutatingAdmissionPolicy": "Name@ Mutations# ParamKind Age",
  "admissionregistration/v1.MutatingAdmissionPolicyBinding": "Name@ PolicyName ParamRef Age",
  "admissionregistration/v1.MutatingWebhookConfiguration": "Name@ Webhooks# Age",
  "admissionregistration/v1.ValidatingAdmissionPolicy": "Name@ Validations# ParamKind Age",
  "admissionregistration/v1.ValidatingAdmissionPolicyBinding": "Name@ PolicyName ParamRef Age",
  "admissionregistration/v1.ValidatingWebhookConfiguration": "Name@ Webhooks# Age",
  "apiextensions/v1.CustomResourceDefinition": "Name@ Created_At^",
  "apiregistration/v1.APIService": "Name@ Service Available Age",
  "apps/v1.ControllerRevision": "Name@ Controller Revision Age",
  "apps/v1.DaemonSet":
    "Name@ Desired# Current# Ready# Up-to-date# Available# Node_Selector Age Containers+ Images+ Selector+",
  "apps/v1.Deployment": "Name@ Ready Up-to-date Available Age Containers+ Images+ Selector+",
  "apps/v1.ReplicaSet": "Name@ Desired# Current# Ready# Age Containers+ Images+ Selector+",
  "apps/v1.StatefulSet": "Name@ Ready Age Containers+ Images+",
  "autoscaling/v1.HorizontalPodAutoscaler": "Name@ Reference Targets MinPods MaxPods Replicas Age",
  "autoscaling/v2.HorizontalPodAutoscaler": "Name@ Reference Targets MinPods MaxPods Replicas Age",
  "batch/v1.CronJob": "Name@ Schedule Timezone Suspend? Active# Last_Schedule Age Containers+ Images+ Selector+",
  "batch/v1.Job": "Name@ Status Completions Duration Age Containers+ Images+ Selector+",
  "certificates/v1.CertificateSigningRequest": "Name@ Age SignerName Requestor RequestedDuration Condition",
  "coordination/v1.Lease": "Name@ Holder Age",
  "discovery/v1.EndpointSlice": "Name@ AddressType Ports Endpoints Age",
  "events/v1.Event": "Last_Seen Type Reason Object Subobject+ Source+ Message First_Seen+ Count+ Name@+",
  "flowcontrol/v1.FlowSchema": "Name@ PriorityLevel MatchingPrecedence DistinguisherMethod Age MissingPL",
  "flowcontrol/v1.PriorityLevelConfiguration":
    "Name@ Type NominalConcurrencyShares Queues HandSize QueueLengthLimit Age",
  "networking/v1.IPAddress": "Name@ ParentRef Age",
  "networking/v1.Ingress": "Name@ Class Hosts Address Ports Age",
  "networking/v1.IngressClass": "Name@ Controller Parameters Age",
  "networking/v1.NetworkPolicy": "Name@ Pod-Selector Age",
  "networking/v1.ServiceCIDR": "Name@ CIDRs Age",
  "node/v1.RuntimeClass": "Name@ Handler Age",
  "policy/v1.PodDisruptionBudget": "Name@ Min_Available Max_Unavailable Allowed_Disruptions# Age",
  "rbac/v1.ClusterRole": "Name@ Created_At^",
  "rbac/v1.ClusterRoleBinding": "Name@ Role Age Users+ Groups+ ServiceAccounts+",
  "rbac/v1.Role": "Name@ Created_At^",
  "rbac/v1.RoleBinding": "Name@ Role Age Users+ Groups+ ServiceAccounts+",
  "resource/v1.DeviceClass": "Name@ Age",
  "resource/v1.ResourceClaim": "Name@ State Age",
  "resource/v1.ResourceClaimTemplate": "Name@ Age",
  "resource/v1.ResourceSlice": "Name@ Node Driver Pool Age",
  "scheduling/v1.PriorityClass": "Name@ Value# Global-Default? Age PreemptionPolicy",
  "storage/v1.CSIDriver":
    "Name@ AttachRequired? PodInfoOnMount? StorageCapacity? TokenRequests RequiresRepublish? Modes Age",
  "storage/v1.CSINode": "Name@ Drivers# Age",
  "storage/v1.CSIStorageCapacity": "Name@ StorageClassName Capacity",
  "storage/v1.StorageClass": "Name@ Provisioner ReclaimPolicy VolumeBindingMode AllowVolumeExpansion Age",
  "storage/v1.VolumeAttachment": "Name@ Attacher@ PV Node Attached? Age",
  "storage/v1.VolumeAttributesClass": "Name@ DriverName Age",
};

const marks = { string: "", integer: "#", boolean: "?", date: "^" } as const;
const now = Date.parse("2026-01-01T01:00:00Z");
const metadata = { name: "a", namespace: "default", creationTimestamp: "2026-01-01T00:00:00Z" };
const type = (group: string, kind: string, version = "v1") => ({ group, version, kind });

function cells(of: ReturnType<typeof type>, object: object): unknown[] {
  return tablePrinter(of).cells(complete(of, { metadata, ...object }), now);
}

describe("columns", () => {
  it.each(Object.entries(golden))("of %s are Kubernetes'", (name, expected) => {
    const info = resources.find((candidate) => `${candidate.folder}.${candidate.kind}` === name);
    expect(info).toBeDefined();
    const columns = info === undefined ? [] : tablePrinter(info).columns;
    const text = columns.map(
      (column) =>
        `${column.name.replaceAll(" ", "_")}${marks[column.type]}${column.format === "name" ? "@" : ""}${column.priority === 1 ? "+" : ""}`,
    );
    expect(text.join(" ")).toBe(expected);
  });

  it("have descriptions", () => {
    const all = resources.flatMap((info) => tablePrinter(info).columns);
    expect(all.filter(({ description }) => description === "")).toEqual([]);
  });
});

describe("cells", () => {
  const pod = type("", "Pod");
  const container = { name: "c", image: "x" };
  const status = (state: object, rest: object = {}): object => ({
    name: "c",
    image: "x",
    imageID: "",
    ready: false,
    restartCount: 0,
    state,
    ...rest,
  });

  it.each<[string, object, object, [string, string, string]]>([
    ["pending", {}, { phase: "Pending" }, ["0/1", "Pending", "0"]],
    [
      "running",
      {},
      { phase: "Running", containerStatuses: [status({ running: {} }, { ready: true })] },
      ["1/1", "Running", "0"],
    ],
    [
      "restarted",
      {},
      {
        phase: "Running",
        containerStatuses: [
          status(
            { running: {} },
            {
              ready: true,
              restartCount: 3,
              lastState: { terminated: { exitCode: 1, finishedAt: "2026-01-01T00:55:00Z" } },
            },
          ),
        ],
      },
      ["1/1", "Running", "3 (5m ago)"],
    ],
    [
      "completed",
      {},
      { phase: "Succeeded", containerStatuses: [status({ terminated: { exitCode: 0, reason: "Completed" } })] },
      ["0/1", "Completed", "0"],
    ],
    [
      "killed by a signal",
      {},
      { phase: "Failed", containerStatuses: [status({ terminated: { exitCode: 137, signal: 9 } })] },
      ["0/1", "Signal:9", "0"],
    ],
    [
      "initializing",
      {
        initContainers: [
          { name: "i", image: "x" },
          { name: "j", image: "x" },
        ],
      },
      { phase: "Pending", initContainerStatuses: [status({ running: {} }, { name: "i" })] },
      ["0/1", "Init:0/2", "0"],
    ],
    [
      "failing to initialize",
      { initContainers: [{ name: "i", image: "x" }] },
      {
        phase: "Pending",
        initContainerStatuses: [status({ waiting: { reason: "CrashLoopBackOff" } }, { name: "i", restartCount: 2 })],
      },
      ["0/1", "Init:CrashLoopBackOff", "2"],
    ],
    [
      "with a sidecar",
      { initContainers: [{ name: "s", image: "x", restartPolicy: "Always" }] },
      {
        phase: "Running",
        initContainerStatuses: [status({ running: {} }, { name: "s", started: true, ready: true })],
        containerStatuses: [status({ running: {} }, { ready: true })],
      },
      ["2/2", "Running", "0"],
    ],
    [
      "held by a gate",
      { schedulingGates: [{ name: "g" }] },
      { phase: "Pending", conditions: [{ type: "PodScheduled", status: "False", reason: "SchedulingGated" }] },
      ["0/1", "SchedulingGated", "0"],
    ],
    ["evicted", {}, { phase: "Failed", reason: "Evicted" }, ["0/1", "Evicted", "0"]],
  ])("of a pod that is %s", (_what, spec, state, expected) => {
    const shown = cells(pod, { spec: { containers: [container], ...spec }, status: state });
    expect(shown.slice(0, 5)).toEqual(["a", ...expected, "60m"]);
  });

  it("of a pod that is being deleted", () => {
    const deleted = { metadata: { ...metadata, deletionTimestamp: "2026-01-01T00:59:00Z" } };
    const spec = { containers: [container], nodeName: "n" };
    expect(cells(pod, { ...deleted, spec, status: { phase: "Running", podIPs: [{ ip: "10.0.0.1" }] } })).toEqual([
      "a",
      "0/1",
      "Terminating",
      "0",
      "60m",
      "10.0.0.1",
      "n",
      "<none>",
      "<none>",
    ]);
    expect(cells(pod, { ...deleted, spec, status: { phase: "Running", reason: "NodeLost" } })[2]).toBe("Unknown");
  });

  it("mark rows of pods that have ended", () => {
    const done = complete(pod, { metadata, spec: { containers: [container] }, status: { phase: "Succeeded" } });
    expect(tablePrinter(pod).conditions?.(done)).toEqual([
      { type: "Completed", status: "True", reason: "Succeeded", message: "The pod has completed successfully." },
    ]);
  });

  const template = { metadata: { labels: { a: "b" } }, spec: { containers: [container] } };
  const selector = { matchLabels: { a: "b" } };

  it.each<[ReturnType<typeof type>, object, unknown[]]>([
    [
      type("apps", "Deployment"),
      { spec: { selector, template, replicas: 3 }, status: { readyReplicas: 1, updatedReplicas: 2 } },
      ["a", "1/3", 2, 0, "60m", "c", "x", "a=b"],
    ],
    [
      type("apps", "DaemonSet"),
      { spec: { selector, template }, status: { desiredNumberScheduled: 2 } },
      ["a", 2, 0, 0, 0, 0, "<none>", "60m", "c", "x", "a=b"],
    ],
    [
      type("batch", "Job"),
      {
        spec: { template, parallelism: 3 },
        status: {
          startTime: "2026-01-01T00:30:00Z",
          completionTime: "2026-01-01T00:30:42Z",
          conditions: [{ type: "Complete", status: "True" }],
        },
      },
      ["a", "Complete", "0/1 of 3", "42s", "60m", "c", "x", "<none>"],
    ],
    [
      type("batch", "CronJob"),
      { spec: { schedule: "* * * * *", jobTemplate: { spec: { template } } } },
      ["a", "* * * * *", "<none>", "False", 0, "<none>", "60m", "c", "x", "<none>"],
    ],
    [
      type("", "Service"),
      {
        spec: { type: "LoadBalancer", clusterIPs: ["10.0.0.1"], ports: [{ port: 80, nodePort: 30000 }] },
        status: { loadBalancer: { ingress: [{ hostname: "a-long-name-of-a-load-balancer.example.com" }] } },
      },
      ["a", "LoadBalancer", "10.0.0.1", "a-long-name-of-a-load-balancer.example.com", "80:30000/TCP", "60m", "<none>"],
    ],
    [
      type("", "Service"),
      { spec: { type: "LoadBalancer", ports: [{ port: 80 }] } },
      ["a", "LoadBalancer", "<none>", "<pending>", "80/TCP", "60m", "<none>"],
    ],
    [
      type("", "Node"),
      {
        metadata: {
          name: "a",
          labels: { "node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/control-plane": "" },
        },
        spec: { unschedulable: true },
        status: {
          conditions: [{ type: "Ready", status: "Unknown" }],
          addresses: [{ type: "InternalIP", address: "1.2.3.4" }],
        },
      },
      [
        "a",
        "NotReady,SchedulingDisabled",
        "control-plane,worker",
        "<unknown>",
        "",
        "1.2.3.4",
        "<none>",
        "<unknown>",
        "<unknown>",
        "<unknown>",
      ],
    ],
    [
      type("", "Endpoints"),
      {
        subsets: [
          {
            addresses: [{ ip: "1.1.1.1" }, { ip: "::2" }],
            ports: [
              { port: 1, name: "x" },
              { port: 2, name: "y" },
            ],
          },
        ],
      },
      ["a", "1.1.1.1:1,[::2]:1,1.1.1.1:2 + 1 more...", "60m"],
    ],
    [
      type("discovery.k8s.io", "EndpointSlice"),
      { addressType: "IPv4", endpoints: [{ addresses: ["1.1.1.1"] }], ports: [{ port: 80 }] },
      ["a", "IPv4", "80", "1.1.1.1", "60m"],
    ],
    [
      type("networking.k8s.io", "Ingress"),
      { spec: { rules: [{ host: "a.b" }], tls: [{}] }, status: { loadBalancer: { ingress: [{ ip: "1.2.3.4" }] } } },
      ["a", "<none>", "a.b", "1.2.3.4", "80, 443", "60m"],
    ],
    [
      type("autoscaling", "HorizontalPodAutoscaler", "v2"),
      {
        spec: {
          maxReplicas: 5,
          scaleTargetRef: { kind: "Deployment", name: "a" },
          metrics: [
            { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } },
            {
              type: "External",
              external: { metric: { name: "q" }, target: { type: "AverageValue", averageValue: "10" } },
            },
          ],
        },
        status: {
          desiredReplicas: 1,
          currentMetrics: [{ type: "Resource", resource: { name: "cpu", current: { averageUtilization: 3 } } }],
        },
      },
      ["a", "Deployment/a", "cpu: 3%/80%, <unknown>/10 (avg)", "1", 5, 0, "60m"],
    ],
    [
      type("autoscaling", "HorizontalPodAutoscaler"),
      {
        spec: { maxReplicas: 5, scaleTargetRef: { kind: "Deployment", name: "a" }, targetCPUUtilizationPercentage: 50 },
      },
      ["a", "Deployment/a", "cpu: <unknown>/50%", "1", 5, 0, "60m"],
    ],
    [
      type("", "PersistentVolumeClaim"),
      {
        spec: { accessModes: ["ReadWriteOnce"], volumeName: "v", storageClassName: "s" },
        status: { phase: "Bound", accessModes: ["ReadWriteOnce"], capacity: { storage: "1024Mi" } },
      },
      ["a", "Bound", "v", "1Gi", "RWO", "s", "<unset>", "60m", "Filesystem"],
    ],
    [
      type("", "ResourceQuota"),
      { status: { hard: { "limits.cpu": "2", pods: "3" }, used: { pods: "1" } } },
      ["a", "pods: 1/3", "limits.cpu: 0/2", "60m"],
    ],
    [
      type("storage.k8s.io", "StorageClass"),
      {
        metadata: { ...metadata, annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
        provisioner: "p",
      },
      ["a (default)", "p", "Delete", "Immediate", false, "60m"],
    ],
    [
      type("rbac.authorization.k8s.io", "RoleBinding"),
      {
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "r" },
        subjects: [
          { kind: "User", name: "u" },
          { kind: "ServiceAccount", name: "s", namespace: "n" },
        ],
      },
      ["a", "Role/r", "60m", "u", "", "n/s"],
    ],
    [
      type("", "Event"),
      {
        involvedObject: { kind: "Pod", name: "p", fieldPath: "spec" },
        reason: "R",
        message: " m ",
        type: "Normal",
        count: 3,
        firstTimestamp: "2026-01-01T00:00:00Z",
        lastTimestamp: "2026-01-01T00:50:00Z",
        source: { component: "kubelet", host: "n" },
      },
      ["10m", "Normal", "R", "pod/p", "spec", "kubelet, n", "m", "60m", 3, "a"],
    ],
    [type("policy", "PodDisruptionBudget"), { spec: { minAvailable: "50%" } }, ["a", "50%", "N/A", 0, "60m"]],
    [
      type("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
      { spec: { policyName: "p", paramRef: { name: "x" }, validationActions: ["Deny"] } },
      ["a", "p", "*/x", "60m"],
    ],
  ])("of %j %j", (of, object, expected) => {
    expect(cells(of, object)).toEqual(expected);
  });
});

it("a scale shows how many are wanted and how many there are", () => {
  const scale = type("autoscaling", "Scale");
  expect(tablePrinter(scale).columns.map(({ name, type: of }) => `${name} ${of}`)).toEqual([
    "Name string",
    "Desired integer",
    "Available integer",
    "Age string",
  ]);
  expect(cells(scale, { spec: { replicas: 3 }, status: { replicas: 2 } })).toEqual(["a", 3, 2, "60m"]);
});

describe("ages", () => {
  it.each([
    [0, "0s"],
    [119, "119s"],
    [120, "2m"],
    [599, "9m59s"],
    [600, "10m"],
    [3600 * 3 - 1, "179m"],
    [3600 * 3, "3h"],
    [3600 * 7 + 60, "7h1m"],
    [3600 * 8, "8h"],
    [3600 * 48, "2d"],
    [3600 * 49, "2d1h"],
    [3600 * 24 * 8, "8d"],
    [3600 * 24 * 365 * 2, "2y"],
    [3600 * 24 * 365 * 8, "8y"],
  ])("%i seconds are %s", (seconds, text) => {
    expect(humanDuration(seconds * 1000)).toBe(text);
  });
});
