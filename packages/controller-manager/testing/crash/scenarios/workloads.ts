// Workloads that keep pods: Deployments that roll and recreate, a StatefulSet that grows, shrinks and rolls, a DaemonSet that rolls.
import { daemonSets, deployments, replicaSets, statefulSets } from "@coxswain/api/apps/v1";
import type { DaemonSet, Deployment, StatefulSet } from "@coxswain/api/apps/v1";
import { persistentVolumeClaims } from "@coxswain/api/core/v1";
import type { ApiObject, ResourceDescriptor } from "@coxswain/apimachinery";
import { isReady } from "../../../src/pods/state.ts";
import type { ReadonlyPod } from "../../../src/pods/state.ts";
import type { Scenario, Stage } from "../scenario.ts";

const web = { namespace: "default", name: "web" };
const labels = { app: "web" };
export const template = (image: string) => ({
  metadata: { labels },
  spec: { containers: [{ name: "main", image }], terminationGracePeriodSeconds: 30 },
});

/** Changes an object as its owner would, with a patch of its spec. */
export const patchSpec =
  <T extends ApiObject>(descriptor: ResourceDescriptor<T>, spec: object) =>
  ({ api }: Stage): Promise<unknown> =>
    api.resource(descriptor).patch(web, { spec }, { type: "merge" });

export const imageOf = (pod: ReadonlyPod): string => pod.spec?.containers[0]?.image ?? "";
/** So many pods of an image are ready, nothing else is there, and the controller has said so. */
export const settled =
  (count: number, image: string) =>
  ({ api, pods }: Stage): boolean => {
    const [object] = [...api.all(deployments), ...api.all(statefulSets), ...api.all(daemonSets)];
    return (
      pods().length === count &&
      pods().every((pod) => imageOf(pod) === image && isReady(pod)) &&
      object?.status?.observedGeneration === object?.metadata.generation
    );
  };

export function deployment(replicas: number, strategy: NonNullable<Deployment["spec"]>["strategy"]): Deployment {
  const spec = { replicas, selector: { matchLabels: labels }, template: template("a"), ...(strategy && { strategy }) };
  return { apiVersion: "apps/v1", kind: "Deployment", metadata: web, spec };
}

const rollingUpdate = { maxSurge: 1, maxUnavailable: 1 };
/** How many it has been asked for, at most and at least, over the time in which the controller may not have noticed. */
const rolled: Scenario = {
  name: "a Deployment rolls, is scaled in the middle, and rolls back",
  steps: [
    { act: ({ api }) => api.resource(deployments).create(deployment(4, { type: "RollingUpdate", rollingUpdate })) },
    { when: settled(4, "a"), act: patchSpec(deployments, { template: template("b") }) },
    {
      when: (stage) => stage.activePods().filter((pod) => imageOf(pod) === "b" && isReady(pod)).length >= 2,
      act: patchSpec(deployments, { replicas: 6 }),
    },
    { when: settled(6, "b"), act: patchSpec(deployments, { template: template("a") }) },
  ],
  broken(stage) {
    const active = stage.activePods();
    if (active.length > 7) return `${active.length} pods are more than 6 and a surge of 1`;
    const replicas = stage.api.all(deployments)[0]?.spec?.replicas ?? 0;
    if (replicas === 4 && active.length > 5) return `${active.length} pods are more than 4 and a surge of 1`;
    const begun = stage.everMade.size > 4;
    const available = active.filter(isReady).length;
    return begun && available < 3 ? `${available} available pods are fewer than 4 without 1` : undefined;
  },
  end: ({ api, activePods, pods }) => ({
    pods: activePods().map(imageOf),
    terminating: pods().length - activePods().length,
    status: statusOf(api.all(deployments)[0]),
    sets: api
      .all(replicaSets)
      .map((set) => ({
        image: set.spec?.template?.spec?.containers[0]?.image,
        replicas: set.spec?.replicas,
        ready: set.status?.readyReplicas ?? 0,
        revision: set.metadata.annotations?.["deployment.kubernetes.io/revision"],
      }))
      .toSorted((one, other) => (one.image ?? "").localeCompare(other.image ?? "")),
  }),
  expected: {
    pods: ["a", "a", "a", "a", "a", "a"],
    terminating: 0,
    status: { replicas: 6, updatedReplicas: 6, readyReplicas: 6, availableReplicas: 6, unavailableReplicas: 0 },
    sets: [
      { image: "a", replicas: 6, ready: 6, revision: "3" },
      { image: "b", replicas: 0, ready: 0, revision: "2" },
    ],
  },
};

function statusOf(object: Deployment | undefined): unknown {
  const { replicas, updatedReplicas, readyReplicas, availableReplicas, unavailableReplicas } = object?.status ?? {};
  return { replicas, updatedReplicas, readyReplicas, availableReplicas, unavailableReplicas };
}

const recreated: Scenario = {
  name: "a Deployment recreates its pods",
  steps: [
    { act: ({ api }) => api.resource(deployments).create(deployment(3, { type: "Recreate" })) },
    { when: settled(3, "a"), act: patchSpec(deployments, { template: template("b") }) },
  ],
  broken(stage) {
    const images = new Set(stage.pods().map(imageOf));
    if (images.size > 1) return "old and new pods run at the same time";
    return stage.activePods().length > 3 ? `${stage.activePods().length} pods instead of 3` : undefined;
  },
  end: ({ activePods, everMade }) => ({ pods: activePods().map(imageOf), made: everMade.size }),
  expected: { pods: ["b", "b", "b"], made: 6 },
};

const ordinal = (pod: ReadonlyPod): number => Number(pod.metadata.name.split("-").at(-1));

export function statefulSet(): StatefulSet {
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: web,
    spec: {
      replicas: 3,
      serviceName: "web",
      podManagementPolicy: "OrderedReady",
      updateStrategy: { type: "RollingUpdate" },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Delete" },
      selector: { matchLabels: labels },
      template: template("a"),
      volumeClaimTemplates: [
        {
          apiVersion: "v1",
          kind: "PersistentVolumeClaim",
          metadata: { name: "data" },
          spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
        },
      ],
    },
  };
}

const stateful: Scenario = {
  name: "a StatefulSet with claims grows, shrinks and rolls, in order",
  steps: [
    { act: ({ api }) => api.resource(statefulSets).create(statefulSet()) },
    { when: settled(3, "a"), act: patchSpec(statefulSets, { replicas: 4 }) },
    { when: settled(4, "a"), act: patchSpec(statefulSets, { replicas: 2 }) },
    { when: settled(2, "a"), act: patchSpec(statefulSets, { template: template("b") }) },
  ],
  broken(stage) {
    const there = stage.pods();
    for (const pod of there) {
      const claim = `default/data-${pod.metadata.name}`;
      if (!stage.api.all(persistentVolumeClaims).some(({ metadata }) => `default/${metadata.name}` === claim))
        return `${pod.metadata.name} has no claim`;
    }
    if (there.filter((pod) => !isReady(pod) || pod.metadata.deletionTimestamp !== undefined).length > 1)
      return "two pods come or go at the same time";
    const highest = Math.max(-1, ...there.map(ordinal));
    return there.length < highest ? `${there.length} pods, of which one is the ${highest}th` : undefined;
  },
  end: ({ api, pods }) => ({
    pods: pods().map((pod) => `${pod.metadata.name} ${imageOf(pod)}`),
    claims: api.all(persistentVolumeClaims).map(({ metadata }) => metadata.name),
    replicas: api.all(statefulSets)[0]?.status?.readyReplicas,
    isUpdated: api.all(statefulSets)[0]?.status?.currentRevision === api.all(statefulSets)[0]?.status?.updateRevision,
  }),
  expected: { pods: ["web-1 b", "web-0 b"], claims: ["data-web-0", "data-web-1"], replicas: 2, isUpdated: true },
};

function daemonSet(): DaemonSet {
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: web,
    spec: {
      selector: { matchLabels: labels },
      template: template("a"),
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
    },
  };
}

const daemons: Scenario = {
  name: "a DaemonSet rolls over its nodes",
  nodes: ["n1", "n2", "n3"],
  steps: [
    { act: ({ api }) => api.resource(daemonSets).create(daemonSet()) },
    { when: settled(3, "a"), act: patchSpec(daemonSets, { template: template("b") }) },
  ],
  broken(stage) {
    const { everMade, activePods } = stage;
    const places = activePods().map((pod) => pod.spec?.nodeName ?? "");
    const bound = places.filter((place) => place !== "");
    if (new Set(bound).size < bound.length) return "two pods on one node";
    if (activePods().length > 3) return `${activePods().length} pods on 3 nodes`;
    const ready = activePods().filter(isReady).length;
    return everMade.size > 3 && ready < 2 ? `${ready} of 3 daemons are ready, one may be missing` : undefined;
  },
  end: ({ api, activePods, everMade }) => ({
    pods: activePods()
      .map((pod) => `${pod.spec?.nodeName} ${imageOf(pod)}`)
      .toSorted(),
    made: everMade.size,
    updated: api.all(daemonSets)[0]?.status?.updatedNumberScheduled,
  }),
  expected: { pods: ["n1 b", "n2 b", "n3 b"], made: 6, updated: 3 },
};

export const workloads: readonly Scenario[] = [rolled, recreated, stateful, daemons];
