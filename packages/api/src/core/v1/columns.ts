/** Tables of the smaller kinds of the core group. */
import { canonicalQuantity } from "@coxswain/apimachinery";
import { ageOf, containersAndImages, labelsText, none, printer, type TablePrinter } from "../../table.ts";
import { accessModes } from "./persistent-volume/access-modes.ts";
import type {
  ConfigMap,
  Endpoints,
  Namespace,
  PersistentVolume,
  PersistentVolumeClaim,
  PodTemplate,
  ReplicationController,
  ResourceQuota,
  Secret,
  ServiceAccount,
} from "./types.ts";

export const namespaceTable: TablePrinter<Namespace> = printer(["Status", "Age"], (namespace, now) => [
  namespace.status?.phase ?? "",
  ageOf(namespace, now),
]);

export const configMapTable: TablePrinter<ConfigMap> = printer(["Data", "Age"], (map, now) => [
  Object.keys(map.data ?? {}).length + Object.keys(map.binaryData ?? {}).length,
  ageOf(map, now),
]);

export const secretTable: TablePrinter<Secret> = printer(["Type", "Data", "Age"], (secret, now) => [
  secret.type ?? "",
  Object.keys(secret.data ?? {}).length,
  ageOf(secret, now),
]);

export const serviceAccountTable: TablePrinter<ServiceAccount> = printer(["Secrets", "Age"], (account, now) => [
  account.secrets?.length ?? 0,
  ageOf(account, now),
]);

export const endpointsTable: TablePrinter<Endpoints> = printer(["Endpoints", "Age"], (endpoints, now) => {
  const shown: string[] = [];
  let count = 0;
  for (const subset of endpoints.subsets ?? []) {
    for (const suffix of subset.ports?.length ? subset.ports.map(({ port }) => `:${port}`) : [""]) {
      for (const { ip } of subset.addresses ?? []) {
        if (shown.length < 3) shown.push(ip.includes(":") && suffix !== "" ? `[${ip}]${suffix}` : `${ip}${suffix}`);
        count += 1;
      }
    }
  }
  const text = count > 3 ? `${shown.join(",")} + ${count - 3} more...` : shown.join(",");
  return [(endpoints.subsets ?? []).length === 0 ? none : text, ageOf(endpoints, now)];
});

export const replicationControllerTable: TablePrinter<ReplicationController> = printer(
  ["Desired#", "Current#", "Ready#", "Age", "Containers+", "Images+", "Selector+"],
  (controller, now) => [
    controller.spec?.replicas ?? 0,
    controller.status?.replicas ?? 0,
    controller.status?.readyReplicas ?? 0,
    ageOf(controller, now),
    ...containersAndImages(controller.spec?.template?.spec),
    labelsText(controller.spec?.selector),
  ],
);

export const podTemplateTable: TablePrinter<PodTemplate> = printer(
  ["Containers", "Images", "Pod Labels"],
  (template) => [...containersAndImages(template.template?.spec), labelsText(template.template?.metadata?.labels)],
);

const classAnnotation = "volume.beta.kubernetes.io/storage-class";

export const persistentVolumeTable: TablePrinter<PersistentVolume> = printer(
  [
    "Capacity",
    "Access Modes",
    "Reclaim Policy",
    "Status",
    "Claim",
    "StorageClass",
    "VolumeAttributesClass",
    "Reason",
    "Age",
    "VolumeMode+",
  ],
  (volume, now) => {
    const { spec, status, metadata } = volume;
    const phase = metadata.deletionTimestamp === undefined ? (status?.phase ?? "") : "Terminating";
    return [
      canonicalQuantity(spec?.capacity?.["storage"] ?? "0"),
      accessModes(spec?.accessModes),
      spec?.persistentVolumeReclaimPolicy ?? "",
      phase,
      spec?.claimRef === undefined ? "" : `${spec.claimRef.namespace ?? ""}/${spec.claimRef.name ?? ""}`,
      metadata.annotations?.[classAnnotation] ?? spec?.storageClassName ?? "",
      spec?.volumeAttributesClassName ?? "<unset>",
      status?.reason ?? "",
      ageOf(volume, now),
      spec?.volumeMode ?? "<unset>",
    ];
  },
);

export const persistentVolumeClaimTable: TablePrinter<PersistentVolumeClaim> = printer(
  ["Status", "Volume", "Capacity", "Access Modes", "StorageClass", "VolumeAttributesClass", "Age", "VolumeMode+"],
  (claim, now) => {
    const { spec, status, metadata } = claim;
    const bound = spec?.volumeName !== undefined && spec.volumeName !== "";
    return [
      metadata.deletionTimestamp === undefined ? (status?.phase ?? "") : "Terminating",
      spec?.volumeName ?? "",
      bound ? canonicalQuantity(status?.capacity?.["storage"] ?? "0") : "",
      bound ? accessModes(status?.accessModes) : "",
      metadata.annotations?.[classAnnotation] ?? spec?.storageClassName ?? "",
      spec?.volumeAttributesClassName ?? "<unset>",
      ageOf(claim, now),
      spec?.volumeMode ?? "<unset>",
    ];
  },
);

export const resourceQuotaTable: TablePrinter<ResourceQuota> = printer(["Request", "Limit", "Age"], (quota, now) => {
  const hard = quota.status?.hard ?? {};
  const show = (names: readonly string[]): string =>
    names.map((name) => `${name}: ${quota.status?.used?.[name] ?? "0"}/${hard[name] ?? "0"}`).join(", ");
  const names = Object.keys(hard).sort();
  return [
    show(names.filter((name) => !name.startsWith("limits."))),
    show(names.filter((name) => name.startsWith("limits."))),
    ageOf(quota, now),
  ];
});
