// A pod without what no rule reads (environment, commands, probes, most of the status), and with equal parts as one object: a
// hundred thousand pods of a few templates take little more than their names. What is left is a pod like any other.
import type { Container, ContainerStatus, Pod, PodSpec, PodStatus } from "@coxswain/api/core/v1";

export type SlimPod = (pod: Pod) => Pod;

/** Equal parts that are remembered. */
const mostParts = 20_000;

export function createSlimPod(): SlimPod {
  const parts = new Map<string, object>();
  /** The one object that stands for all that are equal to this one. */
  const one = <T extends object>(part: T): T => {
    const key = JSON.stringify(part);
    const known = parts.get(key) as T | undefined;
    if (known !== undefined) return known;
    if (parts.size >= mostParts) parts.clear();
    parts.set(key, part);
    return part;
  };
  return ({ apiVersion, kind, metadata, spec, status }) => {
    const { annotations: _annotations, managedFields: _managed, labels, ownerReferences, ...kept } = metadata;
    const owners = ownerReferences?.filter(({ controller }) => controller === true) ?? [];
    const { nodeName, ...common } = spec ?? { containers: [] };
    const shared = one(slimSpec(common));
    return {
      apiVersion,
      kind,
      metadata: {
        ...kept,
        ...(labels === undefined ? {} : { labels: one(labels) }),
        ...(owners.length === 0 ? {} : { ownerReferences: one(owners) }),
      },
      // Pods without a node share the whole; those with one, its parts.
      spec: nodeName === undefined || nodeName === "" ? shared : { ...shared, nodeName },
      ...(status === undefined ? {} : { status: slimStatus(status, one) }),
    };
  };
}

function slimSpec(spec: Omit<PodSpec, "nodeName">): Omit<PodSpec, "nodeName"> {
  const { affinity, nodeSelector, tolerations, topologySpreadConstraints, overhead, resources, volumes } = spec;
  const { initContainers, priority, preemptionPolicy, schedulerName, schedulingGates, resourceClaims } = spec;
  const disks = volumes?.filter((volume) =>
    ["persistentVolumeClaim", "ephemeral", "gcePersistentDisk", "awsElasticBlockStore", "iscsi", "rbd"].some(
      (source) => source in volume,
    ),
  );
  return {
    containers: spec.containers.map(slimContainer),
    ...given({ affinity, nodeSelector, tolerations, topologySpreadConstraints, overhead, resources }),
    ...given({ priority, preemptionPolicy, schedulerName, schedulingGates, resourceClaims }),
    ...(initContainers === undefined ? {} : { initContainers: initContainers.map(slimContainer) }),
    ...(disks === undefined || disks.length === 0 ? {} : { volumes: disks }),
  };
}

function slimContainer({ name, image, resources, ports, restartPolicy }: Container): Container {
  const held = ports?.filter(({ hostPort }) => hostPort !== undefined);
  const { requests } = resources ?? {};
  return {
    name,
    ...given({ image, restartPolicy }),
    ...(requests === undefined ? {} : { resources: { requests } }),
    ...(held === undefined || held.length === 0 ? {} : { ports: held }),
  };
}

function slimStatus(status: PodStatus, one: <T extends object>(part: T) => T): PodStatus {
  const { phase, startTime, nominatedNodeName, conditions, containerStatuses, initContainerStatuses } = status;
  const told = conditions?.filter(({ type }) => ["PodScheduled", "PodResizePending"].includes(type));
  return one({
    ...given({ phase, startTime, nominatedNodeName }),
    ...(told === undefined || told.length === 0 ? {} : { conditions: told }),
    ...given({
      containerStatuses: slimStatuses(containerStatuses),
      initContainerStatuses: slimStatuses(initContainerStatuses),
    }),
  });
}

/** Only what says how much a container holds while it is resized. */
function slimStatuses(statuses: readonly ContainerStatus[] | undefined): ContainerStatus[] | undefined {
  const resized = statuses?.filter(
    ({ allocatedResources, resources }) => allocatedResources !== undefined || resources?.requests !== undefined,
  );
  if (resized === undefined || resized.length === 0) return undefined;
  return resized.map(({ name, image, imageID, ready, restartCount, allocatedResources, resources }) => ({
    name,
    image,
    imageID,
    ready,
    restartCount,
    ...given({ allocatedResources, resources }),
  }));
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without the members that are undefined. */
function given<T extends object>(members: T): Given<T> {
  const result: Given<T> = {};
  for (const key in members) {
    const value = members[key];
    if (value !== undefined) result[key] = value as Exclude<T[typeof key], undefined>;
  }
  return result;
}
