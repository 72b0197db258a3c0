// Claims and ingresses that name no class get the one marked as default. Kubernetes' DefaultStorageClass and DefaultIngressClass.
import type { ApiObject } from "@coxswain/apimachinery";
import type { PersistentVolumeClaim } from "@coxswain/api/core/v1";
import type { Ingress } from "@coxswain/api/networking/v1";
import type { AdmissionPlugin, ObjectReader, ObjectView } from "../request.ts";
import { concerns, refusal } from "./refusal.ts";

export function createDefaultStorageClass(reader: ObjectReader): AdmissionPlugin {
  const view = reader.view({ group: "storage.k8s.io", resource: "storageclasses" });
  return {
    name: "DefaultStorageClass",
    handles: (attributes) => concerns(attributes, "", "persistentvolumeclaims", "CREATE"),
    admit(attributes) {
      const claim = attributes.object as PersistentVolumeClaim;
      // "" is an answer: no class at all.
      if (claim.spec === undefined || typeof claim.spec.storageClassName === "string") return undefined;
      if (claim.metadata.annotations?.["volume.beta.kubernetes.io/storage-class"] !== undefined) return undefined;
      const chosen = marked(view, "storageclass.kubernetes.io/is-default-class")[0];
      if (chosen === undefined) return undefined;
      return { ...claim, spec: { ...claim.spec, storageClassName: chosen.metadata.name } } as ApiObject;
    },
  };
}

export function createDefaultIngressClass(reader: ObjectReader): AdmissionPlugin {
  const view = reader.view({ group: "networking.k8s.io", resource: "ingressclasses" });
  return {
    name: "DefaultIngressClass",
    handles: (attributes) => concerns(attributes, "networking.k8s.io", "ingresses", "CREATE"),
    admit(attributes) {
      const ingress = attributes.object as Ingress;
      if (typeof ingress.spec?.ingressClassName === "string") return undefined;
      if (ingress.metadata.annotations?.["kubernetes.io/ingress.class"] !== undefined) return undefined;
      const chosen = marked(view, "ingressclass.kubernetes.io/is-default-class")[0];
      if (chosen === undefined) return undefined;
      return { ...ingress, spec: { ...ingress.spec, ingressClassName: chosen.metadata.name } } as ApiObject;
    },
  };
}

/** Of several defaults the newest counts, then the first by name. */
function marked(view: ObjectView, annotation: string): readonly ApiObject[] {
  return [...view.list()]
    .filter((object) => object.metadata.annotations?.[annotation] === "true")
    .toSorted((a, b) => {
      const [left, right] = [a.metadata.creationTimestamp ?? "", b.metadata.creationTimestamp ?? ""];
      return left === right ? (a.metadata.name < b.metadata.name ? -1 : 1) : left > right ? -1 : 1;
    });
}

/** What makes a volume wait until nobody uses it: the finalizers that its protection controllers take away. */
export const storageObjectInUseProtection: AdmissionPlugin = {
  name: "StorageObjectInUseProtection",
  handles: (attributes) =>
    concerns(attributes, "", "persistentvolumeclaims", "CREATE") ||
    concerns(attributes, "", "persistentvolumes", "CREATE"),
  admit({ object, resource }) {
    const finalizer =
      resource.resource === "persistentvolumes" ? "kubernetes.io/pv-protection" : "kubernetes.io/pvc-protection";
    const finalizers = object?.metadata.finalizers ?? [];
    if (object === undefined || finalizers.includes(finalizer)) return undefined;
    return { ...object, metadata: { ...object.metadata, finalizers: [...finalizers, finalizer] } };
  },
};

/** A pod of a runtime class pays its overhead and goes where it runs. */
export function createRuntimeClassAdmission(reader: ObjectReader): AdmissionPlugin {
  const where = { group: "node.k8s.io", resource: "runtimeclasses" };
  const view = reader.view(where);
  return {
    name: "RuntimeClass",
    handles: (attributes) => concerns(attributes, "", "pods", "CREATE"),
    async admit(attributes) {
      const pod = attributes.object as PodWithClass;
      const name = pod.spec?.runtimeClassName;
      if (pod.spec === undefined || name === undefined || name === null || name === "") return undefined;
      const found = (view.get("", name) ?? (await reader.read(where, "", name))) as RuntimeClassObject | undefined;
      if (found === undefined)
        throw refusal(attributes, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
      const overhead = found.overhead?.podFixed;
      const { nodeSelector = {}, tolerations = [] } = found.scheduling ?? {};
      for (const [key, value] of Object.entries(nodeSelector)) {
        const own = pod.spec.nodeSelector?.[key];
        if (own !== undefined && own !== value) {
          throw refusal(
            attributes,
            `conflict: RuntimeClass ${JSON.stringify(name)} requires nodeSelector ${key}=${value}, found ${own}`,
          );
        }
      }
      return {
        ...pod,
        spec: {
          ...pod.spec,
          ...(overhead === undefined ? {} : { overhead }),
          ...(Object.keys(nodeSelector).length === 0
            ? {}
            : { nodeSelector: { ...pod.spec.nodeSelector, ...nodeSelector } }),
          ...(tolerations.length === 0 ? {} : { tolerations: [...(pod.spec.tolerations ?? []), ...tolerations] }),
        },
      } as ApiObject;
    },
  };
}

interface PodWithClass extends ApiObject {
  readonly spec?: {
    readonly runtimeClassName?: string | null;
    readonly nodeSelector?: Readonly<Record<string, string>>;
    readonly tolerations?: readonly object[];
  };
}

interface RuntimeClassObject extends ApiObject {
  readonly overhead?: { readonly podFixed?: Readonly<Record<string, string>> };
  readonly scheduling?: {
    readonly nodeSelector?: Readonly<Record<string, string>>;
    readonly tolerations?: readonly object[];
  };
}
