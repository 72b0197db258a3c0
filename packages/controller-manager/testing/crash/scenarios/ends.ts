// How things end: a namespace with all that is in it, owners in the foreground and as orphans, pods that are evicted under a budget, claims that
// were to go with a StatefulSet's pods and then were not.
import { deployments, replicaSets, statefulSets } from "@coxswain/api/apps/v1";
import { configMaps, namespaces, persistentVolumeClaims, pods, services } from "@coxswain/api/core/v1";
import { endpointSlices } from "@coxswain/api/discovery/v1";
import { podDisruptionBudgets } from "@coxswain/api/policy/v1";
import { rfc3339 } from "@coxswain/clock";
import { isReady } from "../../../src/pods/state.ts";
import type { Scenario, Stage } from "../scenario.ts";
import { deployment, patchSpec, settled, statefulSet } from "./workloads.ts";

const web = { namespace: "default", name: "web" };
const holder = "example.com/hold";
const make = ({ api }: Stage): Promise<unknown> => api.resource(deployments).create(deployment(2, undefined));

const emptied: Scenario = {
  name: "a namespace goes, with a Deployment, a Service and something that is held",
  steps: [
    {
      async act(stage) {
        const { api } = stage;
        await api.resource(namespaces).create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "default" } });
        const metadata = { ...web, finalizers: [holder] };
        await api.resource(configMaps).create({ apiVersion: "v1", kind: "ConfigMap", metadata });
        const spec = { selector: { app: "web" }, ports: [{ port: 80, targetPort: 80 }] };
        await api.resource(services).create({ apiVersion: "v1", kind: "Service", metadata: web, spec });
        await make(stage);
      },
    },
    { when: settled(2, "a"), act: ({ api }) => api.resource(namespaces).delete({ name: "default" }) },
    {
      when: ({ api }) =>
        api
          .all(namespaces)[0]
          ?.status?.conditions?.some(
            ({ type, status }) => type === "NamespaceFinalizersRemaining" && status === "True",
          ) === true && api.all(pods).length === 0,
      act: ({ api }) => api.resource(configMaps).patch(web, { metadata: { finalizers: null } }, { type: "merge" }),
    },
  ],
  broken({ api, everMade }) {
    const left = api.all(configMaps).length + api.all(pods).length + api.all(deployments).length;
    return everMade.size > 0 && api.all(namespaces).length === 0 && left > 0
      ? "the namespace is gone before its content"
      : undefined;
  },
  end: ({ api }) => ({
    left: [namespaces, pods, replicaSets, deployments, configMaps, services, endpointSlices].flatMap((kind) =>
      api
        .all<{ apiVersion: string; kind: string; metadata: { name: string } }>(kind)
        .map(({ metadata }) => metadata.name),
    ),
  }),
  expected: { left: [] },
};

const foreground: Scenario = {
  name: "a Deployment is deleted in the foreground",
  steps: [
    { act: make },
    {
      when: settled(2, "a"),
      act: ({ api }) => api.resource(deployments).delete(web, { propagationPolicy: "Foreground" }),
    },
  ],
  broken({ api, everMade }) {
    if (everMade.size === 0) return undefined;
    if (everMade.size > 2) return "a pod was made again";
    const owners = api.all(deployments).length;
    if (owners === 0 && api.all(replicaSets).length > 0) return "the Deployment is gone before its ReplicaSet";
    return api.all(replicaSets).length === 0 && api.all(pods).length > 0
      ? "the ReplicaSet is gone before its pods"
      : undefined;
  },
  end: ({ api }) => [api.all(deployments).length, api.all(replicaSets).length, api.all(pods).length],
  expected: [0, 0, 0],
};

const orphaned: Scenario = {
  name: "a Deployment leaves its ReplicaSet, and another takes it over",
  steps: [
    { act: make },
    { when: settled(2, "a"), act: ({ api }) => api.resource(deployments).delete(web, { propagationPolicy: "Orphan" }) },
    { when: ({ api }) => api.all(deployments).length === 0, act: make },
  ],
  broken: ({ everMade, activePods }) =>
    everMade.size > 2
      ? "a pod was made again"
      : everMade.size === 2 && activePods().length < 2
        ? "a pod was lost"
        : undefined,
  end: ({ api, activePods }) => ({
    pods: activePods().length,
    owners: api.all(replicaSets).map(({ metadata }) => metadata.ownerReferences?.map(({ name }) => name)),
    isNew: api
      .all(replicaSets)
      .every(({ metadata }) => metadata.ownerReferences?.[0]?.uid === api.all(deployments)[0]?.metadata.uid),
  }),
  expected: { pods: 2, owners: [["web"]], isNew: true },
};

/** What the API server does when a pod is evicted: nothing, unless the budget says that it may. */
async function evict({ api, clock }: Stage, name: string): Promise<void> {
  const budget = await api.resource(podDisruptionBudgets).get(web);
  const { disruptionsAllowed = 0, disruptedPods = {} } = budget.status ?? {};
  if (disruptionsAllowed < 1 || budget.status?.observedGeneration !== budget.metadata.generation) return;
  const status = {
    ...budget.status,
    disruptionsAllowed: disruptionsAllowed - 1,
    disruptedPods: { ...disruptedPods, [name]: rfc3339(clock.now()) },
  };
  await api.resource(podDisruptionBudgets).update({ ...budget, status } as typeof budget, { subresource: "status" });
  await api.resource(pods).delete({ namespace: "default", name });
}

const evicted: Scenario = {
  name: "every pod of a Deployment is evicted, as its budget allows",
  steps: [
    {
      async act(stage) {
        await stage.api.resource(deployments).create(deployment(3, undefined));
        await stage.api.resource(podDisruptionBudgets).create({
          apiVersion: "policy/v1",
          kind: "PodDisruptionBudget",
          metadata: web,
          spec: { maxUnavailable: 1, selector: { matchLabels: { app: "web" } } },
        });
      },
    },
    {
      // Half-second after half-second until all of the first pods are gone, as a drain does it.
      async when(stage) {
        const first = [...stage.everMade].slice(0, 3).map((key) => key.replace("default/", ""));
        const left = stage.activePods().filter(({ metadata }) => first.includes(metadata.name));
        if (stage.everMade.size < 3 || (stage.everMade.size === 3 && !stage.activePods().every(isReady))) return false;
        if (left.length === 0) return true;
        for (const { metadata } of left)
          if (stage.api.all(podDisruptionBudgets)[0]?.status !== undefined) await evict(stage, metadata.name);
        return false;
      },
      act: () => undefined,
    },
  ],
  broken({ activePods, everMade }) {
    const ready = activePods().filter(isReady).length;
    return everMade.size > 3 && ready < 2 ? `${ready} of 3 pods are ready, one may be missing` : undefined;
  },
  end: ({ api, activePods, everMade }) => ({
    ...{ pods: activePods().length, made: everMade.size },
    allowed: api.all(podDisruptionBudgets)[0]?.status?.disruptionsAllowed,
    disrupted: api.all(podDisruptionBudgets)[0]?.status?.disruptedPods ?? {},
  }),
  expected: { pods: 3, made: 6, allowed: 1, disrupted: {} },
};

const ownedByPod = ({ api }: Stage): boolean =>
  api.all(persistentVolumeClaims).some(({ metadata }) => metadata.ownerReferences?.some(({ kind }) => kind === "Pod"));

const reprieved: Scenario = {
  name: "a StatefulSet that is shrunk is grown again at once, and its claims stay",
  steps: [
    { act: ({ api }) => api.resource(statefulSets).create(statefulSet()) },
    { when: settled(3, "a"), act: patchSpec(statefulSets, { replicas: 2 }) },
    { when: ownedByPod, act: patchSpec(statefulSets, { replicas: 3 }) },
  ],
  end: (stage) => ({
    pods: stage.activePods().map(({ metadata }) => metadata.name),
    claims: stage.api.all(persistentVolumeClaims).map(({ metadata }) => metadata.name),
    isCondemned: ownedByPod(stage),
  }),
  expected: {
    pods: ["web-0", "web-1", "web-2"],
    claims: ["data-web-0", "data-web-1", "data-web-2"],
    isCondemned: false,
  },
};

export const ends: readonly Scenario[] = [emptied, foreground, orphaned, evicted, reprieved];
