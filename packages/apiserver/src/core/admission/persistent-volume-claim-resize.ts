// A claim grows only when it is bound and its class says that it may. Kubernetes' PersistentVolumeClaimResize.
import { compareQuantities } from "@coxswain/apimachinery";
import type { PersistentVolumeClaim } from "@coxswain/api/core/v1";
import type { StorageClass } from "@coxswain/api/storage/v1";
import type { AdmissionPlugin, ObjectReader } from "../request.ts";
import { concerns, refusal } from "./refusal.ts";

export function createPersistentVolumeClaimResize(reader: ObjectReader): AdmissionPlugin {
  const classes = { group: "storage.k8s.io", resource: "storageclasses" };
  const view = reader.view(classes);
  return {
    name: "PersistentVolumeClaimResize",
    handles: (attributes) => concerns(attributes, "", "persistentvolumeclaims", "UPDATE"),
    async validate(attributes) {
      const before = attributes.oldObject as PersistentVolumeClaim;
      const after = attributes.object as PersistentVolumeClaim;
      if (compareQuantities(sizeOf(after), sizeOf(before)) <= 0) return;
      if (before.status?.phase !== "Bound")
        throw refusal(attributes, "Only bound persistent volume claims can be expanded");
      const name = classOf(after);
      // A change of the class at the same time is refused by validation; both names are the same one.
      const found = name === "" ? undefined : (view.get("", name) ?? (await reader.read(classes, "", name)));
      if ((found as StorageClass | undefined)?.allowVolumeExpansion === true) return;
      throw refusal(
        attributes,
        "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize",
      );
    },
  };
}

function sizeOf({ spec }: PersistentVolumeClaim): string {
  return String(spec?.resources?.requests?.["storage"] ?? "0");
}

function classOf({ metadata, spec }: PersistentVolumeClaim): string {
  return metadata.annotations?.["volume.beta.kubernetes.io/storage-class"] ?? spec?.storageClassName ?? "";
}
