// The workload that a drill brings along: a web server behind a service with a disruption budget, and a StatefulSet whose pods may each
// run only once. Everything is in one namespace, so that one deletion takes it away.
import type { Deployment, StatefulSet } from "@coxswain/api/apps/v1";
import { deployments, statefulSets } from "@coxswain/api/apps/v1";
import type { Namespace, Pod, Service } from "@coxswain/api/core/v1";
import { namespaces, pods, services } from "@coxswain/api/core/v1";
import { podDisruptionBudgets } from "@coxswain/api/policy/v1";
import { isNotFound } from "@coxswain/client";
import type { Client } from "@coxswain/client";
import type { Clock } from "@coxswain/clock";

export const webReplicas = 3;
export const leastReady = 2;
export const onceReplicas = 2;
const image = "coxswain/demo:1";
/** Pods leave a dead node this long after it was found dead; Kubernetes' own 300 s would make every drill wait. */
const leaveAfterSeconds = 5;

export interface Canary {
  readonly namespace: string;
  /** Address of the web service. */
  readonly address: string;
}

export async function plantCanary(client: Client, namespace: string): Promise<Canary> {
  await client.resource(namespaces).create(asNamespace(namespace));
  await client.resource(deployments).create(web(namespace));
  await client.resource(podDisruptionBudgets).create({
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name: "web", namespace },
    spec: { minAvailable: leastReady, selector: { matchLabels: { app: "web" } } },
  });
  const service = await client.resource(services).create(asService(namespace, "web", {}));
  await client.resource(services).create(asService(namespace, "once", { clusterIP: "None" }));
  await client.resource(statefulSets).create(once(namespace));
  return { namespace, address: service.spec?.clusterIP ?? "" };
}

/**
 * Services beside the one that is asked, each with the web pods behind it: what a proxy has to carry in a large cluster. They go with
 * the namespace. Answers the address of the one that was made last.
 */
export async function plantServices(client: Client, namespace: string, count: number): Promise<string> {
  let [next, last] = [0, ""];
  const plant = async (): Promise<void> => {
    for (let number = next++; number < count; number = next++) {
      const made = asService(namespace, `more-${number}`, { selector: { app: "web" } });
      last = (await client.resource(services).create(made)).spec?.clusterIP ?? "";
    }
  };
  await Promise.all(Array.from({ length: 16 }, plant));
  return last;
}

/** Undefined when everything runs as it should; otherwise what is missing. */
export async function missingOf(client: Client, namespace: string): Promise<string | undefined> {
  const signal = AbortSignal.timeout(5000);
  const [deployment, set, all] = await Promise.all([
    client.resource(deployments).get({ namespace, name: "web" }, { signal }),
    client.resource(statefulSets).get({ namespace, name: "once" }, { signal }),
    client.resource(pods).list({ namespace, signal }),
  ]);
  const living = all.items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const webs = living.filter(({ metadata }) => metadata.labels?.["app"] === "web");
  const missing = [
    ...(deployment.status?.readyReplicas === webReplicas && deployment.status.updatedReplicas === webReplicas
      ? []
      : [`${deployment.status?.readyReplicas ?? 0} of ${webReplicas} web pods are ready`]),
    ...(webs.length === webReplicas ? [] : [`there are ${webs.length} web pods`]),
    ...(deployment.status?.observedGeneration === deployment.metadata.generation
      ? []
      : ["the deployment's last change was not seen"]),
    ...(set.status?.readyReplicas === onceReplicas
      ? []
      : [`${set.status?.readyReplicas ?? 0} of ${onceReplicas} stateful pods are ready`]),
    ...(living.length === all.items.length ? [] : [`${all.items.length - living.length} pods are being deleted`]),
  ];
  return missing.length === 0 ? undefined : missing.join("; ");
}

/** Whether the service has all of its pods again without those of a machine: one that is lost keeps its pods until it is back. */
export async function isReplaced(client: Client, namespace: string, machine: string): Promise<boolean> {
  const { items } = await client
    .resource(pods)
    .list({ namespace, labelSelector: "app=web", signal: AbortSignal.timeout(5000) });
  const ready = items.filter((pod) => isReady(pod) && pod.spec?.nodeName !== machine);
  return ready.length === webReplicas;
}

export async function rollOut(client: Client, namespace: string, mark: string): Promise<void> {
  const patch = { spec: { template: { metadata: { annotations: { "coxswain.io/drill-roll-out": mark } } } } };
  await client.resource(deployments).patch({ namespace, name: "web" }, patch, { type: "merge" });
}

/** Takes the namespace away with all that is in it; resolves when it is gone. Throws when it does not go in time. */
export async function removeCanary(client: Client, namespace: string, clock: Clock, withinMs = 120_000): Promise<void> {
  const deadline = clock.monotonic() + withinMs;
  let last: unknown;
  let asked = false;
  while (clock.monotonic() < deadline) {
    try {
      const signal = AbortSignal.timeout(5000);
      if (!asked) await client.resource(namespaces).delete({ name: namespace }, { signal });
      asked = true;
      await client.resource(namespaces).get({ name: namespace }, { signal });
    } catch (error) {
      if (isNotFound(error)) return;
      last = error;
    }
    await clock.sleep(500);
  }
  throw new Error(`the drill's namespace ${namespace} did not go within ${withinMs / 1000} s`, { cause: last });
}

export async function readyWebs(client: Client, namespace: string): Promise<number> {
  const { items } = await client
    .resource(pods)
    .list({ namespace, labelSelector: "app=web", signal: AbortSignal.timeout(3000) });
  return items.filter(isReady).length;
}

export const isReady = ({ metadata, status }: Pod): boolean =>
  metadata.deletionTimestamp === undefined &&
  (status?.conditions ?? []).some(({ type, status: is }) => type === "Ready" && is === "True");

const asNamespace = (name: string): Namespace => ({
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name, labels: { "coxswain.io/drill": "canary" } },
});

const asService = (namespace: string, name: string, more: object): Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace },
  spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }], ...more },
});

const podSpec = {
  terminationGracePeriodSeconds: 5,
  tolerations: ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"].map((key) => ({
    key,
    operator: "Exists" as const,
    effect: "NoExecute" as const,
    tolerationSeconds: leaveAfterSeconds,
  })),
  containers: [
    {
      name: "web",
      image,
      imagePullPolicy: "IfNotPresent" as const,
      ports: [{ containerPort: 8080 }],
      readinessProbe: { httpGet: { path: "/healthz", port: 8080 }, periodSeconds: 1 },
      resources: { requests: { cpu: "10m", memory: "32Mi" } },
    },
  ],
};

const web = (namespace: string): Deployment => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", namespace },
  spec: {
    replicas: webReplicas,
    selector: { matchLabels: { app: "web" } },
    strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    template: { metadata: { labels: { app: "web" } }, spec: podSpec },
  },
});

const once = (namespace: string): StatefulSet => ({
  apiVersion: "apps/v1",
  kind: "StatefulSet",
  metadata: { name: "once", namespace },
  spec: {
    serviceName: "once",
    replicas: onceReplicas,
    podManagementPolicy: "Parallel",
    selector: { matchLabels: { app: "once" } },
    template: { metadata: { labels: { app: "once" }, annotations: { "coxswain.io/fencing": "true" } }, spec: podSpec },
  },
});
