/** One builder per kind in daily use. Nested objects given to a builder are laid over its own; lists and scalars replace. */
import { applyMergePatch } from "@coxswain/apimachinery";
import type { Deployment, ReplicaSet } from "../src/apps/v1/types.ts";
import type { Namespace, Node, Pod, Service } from "../src/core/v1/types.ts";
import type { EndpointSlice } from "../src/discovery/v1/types.ts";

/** A partial object, to any depth. */
export type Changes<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [Key in keyof T]?: Changes<T[Key]> | undefined }
    : T;

const created = "2026-01-01T00:00:00Z";
const labels = { app: "web" };

export function pod(changes: Changes<Pod> = {}): Pod {
  return build<Pod>(
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "web", namespace: "default", uid: "uid-web", creationTimestamp: created, labels },
      spec: {
        containers: [
          {
            name: "web",
            image: "web:1",
            imagePullPolicy: "IfNotPresent",
            resources: {},
            terminationMessagePath: "/dev/termination-log",
            terminationMessagePolicy: "File",
          },
        ],
        restartPolicy: "Always",
        terminationGracePeriodSeconds: 30,
        dnsPolicy: "ClusterFirst",
        schedulerName: "default-scheduler",
        securityContext: {},
        enableServiceLinks: true,
      },
      status: { phase: "Pending" },
    },
    changes,
  );
}

export function node(changes: Changes<Node> = {}): Node {
  const capacity = { cpu: "4", memory: "8Gi", pods: "110" };
  return build<Node>(
    {
      apiVersion: "v1",
      kind: "Node",
      metadata: {
        name: "node-1",
        uid: "uid-node-1",
        creationTimestamp: created,
        labels: { "kubernetes.io/hostname": "node-1" },
      },
      spec: { podCIDR: "10.244.0.0/24", podCIDRs: ["10.244.0.0/24"] },
      status: {
        capacity,
        allocatable: capacity,
        conditions: [
          {
            type: "Ready",
            status: "True",
            reason: "KubeletReady",
            lastHeartbeatTime: created,
            lastTransitionTime: created,
          },
        ],
        addresses: [{ type: "InternalIP", address: "192.0.2.1" }],
      },
    },
    changes,
  );
}

export function deployment(changes: Changes<Deployment> = {}): Deployment {
  return build<Deployment>(
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: {
        name: "web",
        namespace: "default",
        uid: "uid-deployment-web",
        creationTimestamp: created,
        generation: 1,
      },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: "web", image: "web:1" }] } },
        strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "25%", maxSurge: "25%" } },
        revisionHistoryLimit: 10,
        progressDeadlineSeconds: 600,
      },
      status: {},
    },
    changes,
  );
}

export function replicaSet(changes: Changes<ReplicaSet> = {}): ReplicaSet {
  return build<ReplicaSet>(
    {
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: {
        name: "web-1",
        namespace: "default",
        uid: "uid-replica-set-web-1",
        creationTimestamp: created,
        generation: 1,
        labels,
      },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: "web", image: "web:1" }] } },
      },
      status: { replicas: 0 },
    },
    changes,
  );
}

export function service(changes: Changes<Service> = {}): Service {
  return build<Service>(
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web", namespace: "default", uid: "uid-service-web", creationTimestamp: created },
      spec: {
        type: "ClusterIP",
        clusterIP: "10.96.0.50",
        clusterIPs: ["10.96.0.50"],
        ipFamilies: ["IPv4"],
        ipFamilyPolicy: "SingleStack",
        selector: labels,
        ports: [{ port: 80, protocol: "TCP", targetPort: 8080 }],
        sessionAffinity: "None",
        internalTrafficPolicy: "Cluster",
      },
      status: { loadBalancer: {} },
    },
    changes,
  );
}

export function endpointSlice(changes: Changes<EndpointSlice> = {}): EndpointSlice {
  return build<EndpointSlice>(
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: {
        name: "web-1",
        namespace: "default",
        uid: "uid-slice-web-1",
        creationTimestamp: created,
        labels: { "kubernetes.io/service-name": "web" },
      },
      addressType: "IPv4",
      endpoints: [
        {
          addresses: ["10.244.0.10"],
          conditions: { ready: true, serving: true, terminating: false },
          nodeName: "node-1",
        },
      ],
      ports: [{ name: "", port: 8080, protocol: "TCP" }],
    },
    changes,
  );
}

export function namespace(changes: Changes<Namespace> = {}): Namespace {
  return build<Namespace>(
    {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: {
        name: "default",
        uid: "uid-namespace-default",
        creationTimestamp: created,
        labels: { "kubernetes.io/metadata.name": "default" },
      },
      spec: { finalizers: ["kubernetes"] },
      status: { phase: "Active" },
    },
    changes,
  );
}

/** Undefined members of the changes take the builder's own away. */
function build<T extends object>(base: T, changes: Changes<T>): T {
  return applyMergePatch(base, undefinedToNull(changes)) as T;
}

function undefinedToNull(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value === undefined ? null : value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, undefinedToNull(member)]));
}
