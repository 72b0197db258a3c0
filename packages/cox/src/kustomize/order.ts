// The order in which objects are printed: kubectl's, one's own, or as they came.
import type { Obj } from "../resource/api.ts";
import type { SortOptions } from "./types.ts";

const first = [
  "Namespace",
  "ResourceQuota",
  "StorageClass",
  "CustomResourceDefinition",
  "ServiceAccount",
  "PodSecurityPolicy",
  "Role",
  "ClusterRole",
  "RoleBinding",
  "ClusterRoleBinding",
  "ConfigMap",
  "Secret",
  "Endpoints",
  "Service",
  "LimitRange",
  "PriorityClass",
  "PersistentVolume",
  "PersistentVolumeClaim",
  "Deployment",
  "StatefulSet",
  "CronJob",
  "PodDisruptionBudget",
];
const last = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/** What others need comes first; "fifo" leaves them as they came. */
export function ordered(objects: readonly Obj[], { order = "legacy", legacySortOptions }: SortOptions = {}): Obj[] {
  if (order === "fifo") return [...objects];
  const { orderFirst = first, orderLast = last } = legacySortOptions ?? {};
  const rank = (kind: string): number => {
    const [early, late] = [orderFirst.indexOf(kind), orderLast.indexOf(kind)];
    return early >= 0 ? early - orderFirst.length : late >= 0 ? late + 1 : 0;
  };
  return objects.toSorted((left, right) => {
    const difference = rank(left.kind) - rank(right.kind);
    if (difference !== 0) return difference;
    const key = ({ apiVersion, kind, metadata }: Obj): string =>
      `${apiVersion} ${kind} ${metadata.namespace ?? ""} ${metadata.name}`;
    return key(left) < key(right) ? -1 : 1;
  });
}
