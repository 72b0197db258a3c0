// Namespaces: born Active with the finalizer `kubernetes`, Terminating from the first DELETE until that finalizer is gone
// from `spec` (through /finalize) and the others from `metadata`.
import type { ApiObject } from "@coxswain/apimachinery";
import type { Loose, Strategy } from "../../strategy.ts";
import { keep, memberOf } from "../../strategy.ts";

export const namespaceStrategy: Strategy = {
  holdsDeletion: (namespace) => specFinalizers(namespace).length > 0,
  markDeleted(namespace) {
    // Its end has no grace: only that it has begun is said.
    delete namespace.metadata.deletionGracePeriodSeconds;
    (namespace as Loose)["status"] = { ...memberOf(namespace, "status"), phase: "Terminating" };
  },
  prepareForCreate(namespace) {
    (namespace as Loose)["status"] = { phase: "Active" };
    const finalizers = specFinalizers(namespace);
    (namespace as Loose)["spec"] = {
      finalizers: finalizers.includes("kubernetes") ? finalizers : [...finalizers, "kubernetes"],
    };
    namespace.metadata.labels = {
      ...namespace.metadata.labels,
      "kubernetes.io/metadata.name": namespace.metadata.name ?? "",
    };
  },
  prepareForUpdate(namespace, old, { subresource }) {
    if (subresource !== "finalize") keep(namespace as Loose, old as Loose, "spec");
    namespace.metadata.labels = {
      ...namespace.metadata.labels,
      "kubernetes.io/metadata.name": namespace.metadata.name ?? "",
    };
  },
};

export function specFinalizers(namespace: ApiObject): readonly string[] {
  return (memberOf(namespace, "spec")["finalizers"] as string[] | undefined) ?? [];
}
