/** Tables of the workloads. */
import type { DeepReadonly } from "@coxswain/apimachinery";
import { ageOf, containersAndImages, labelsText, none, printer, selectorText, type TablePrinter } from "../../table.ts";
import type { ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet } from "./types.ts";

export const deploymentTable: TablePrinter<Deployment> = printer(
  ["Ready", "Up-to-date", "Available", "Age", "Containers+", "Images+", "Selector+"],
  (deployment, now) => [
    `${deployment.status?.readyReplicas ?? 0}/${deployment.spec?.replicas ?? 0}`,
    deployment.status?.updatedReplicas ?? 0,
    deployment.status?.availableReplicas ?? 0,
    ageOf(deployment, now),
    ...containersAndImages(deployment.spec?.template.spec),
    selectorText(deployment.spec?.selector),
  ],
);

export const replicaSetTable: TablePrinter<ReplicaSet> = printer(
  ["Desired#", "Current#", "Ready#", "Age", "Containers+", "Images+", "Selector+"],
  (set, now) => [
    set.spec?.replicas ?? 0,
    set.status?.replicas ?? 0,
    set.status?.readyReplicas ?? 0,
    ageOf(set, now),
    ...containersAndImages(set.spec?.template?.spec),
    selectorText(set.spec?.selector),
  ],
);

export const daemonSetTable: TablePrinter<DaemonSet> = printer(
  [
    "Desired#",
    "Current#",
    "Ready#",
    "Up-to-date#",
    "Available#",
    "Node Selector",
    "Age",
    "Containers+",
    "Images+",
    "Selector+",
  ],
  (set, now) => [
    set.status?.desiredNumberScheduled ?? 0,
    set.status?.currentNumberScheduled ?? 0,
    set.status?.numberReady ?? 0,
    set.status?.updatedNumberScheduled ?? 0,
    set.status?.numberAvailable ?? 0,
    labelsText(set.spec?.template.spec?.nodeSelector),
    ageOf(set, now),
    ...containersAndImages(set.spec?.template.spec),
    selectorText(set.spec?.selector),
  ],
);

export const statefulSetTable: TablePrinter<StatefulSet> = printer(
  ["Ready", "Age", "Containers+", "Images+"],
  (set, now) => [
    `${set.status?.readyReplicas ?? 0}/${set.spec?.replicas ?? 0}`,
    ageOf(set, now),
    ...containersAndImages(set.spec?.template.spec),
  ],
);

export const controllerRevisionTable: TablePrinter<ControllerRevision> = printer(
  ["Controller", "Revision", "Age"],
  (revision, now) => [ownerText(revision), revision.revision, ageOf(revision, now)],
);

function ownerText({ metadata }: DeepReadonly<ControllerRevision>): string {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  if (owner === undefined) return none;
  const group = owner.apiVersion.includes("/") ? `.${owner.apiVersion.split("/")[0] ?? ""}` : "";
  return `${owner.kind.toLowerCase()}${group}/${owner.name}`;
}
