/** Tables of the storage kinds. */
import { canonicalQuantity } from "@coxswain/apimachinery";
import { ageOf, printer, type TablePrinter } from "../../table.ts";
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
} from "./types.ts";

const defaultClass = [
  "storageclass.kubernetes.io/is-default-class",
  "storageclass.beta.kubernetes.io/is-default-class",
];

const classes: TablePrinter<StorageClass> = printer(
  ["Provisioner", "ReclaimPolicy", "VolumeBindingMode", "AllowVolumeExpansion", "Age"],
  (storageClass, now) => [
    storageClass.provisioner,
    storageClass.reclaimPolicy ?? "Delete",
    storageClass.volumeBindingMode ?? "Immediate",
    storageClass.allowVolumeExpansion ?? false,
    ageOf(storageClass, now),
  ],
);

/** The default class is marked behind its name. */
export const storageClassTable: TablePrinter<StorageClass> = {
  columns: classes.columns,
  cells(storageClass, now) {
    const [name, ...rest] = classes.cells(storageClass, now);
    const isDefault = defaultClass.some((key) => storageClass.metadata.annotations?.[key] === "true");
    return [isDefault ? `${String(name)} (default)` : (name ?? ""), ...rest];
  },
};

export const storageCapacityTable: TablePrinter<CSIStorageCapacity> = printer(
  ["StorageClassName", "Capacity"],
  (capacity) => [
    capacity.storageClassName,
    capacity.capacity === undefined ? "<unset>" : canonicalQuantity(capacity.capacity),
  ],
);

export const volumeAttachmentTable: TablePrinter<VolumeAttachment> = printer(
  ["Attacher@", "PV", "Node", "Attached?", "Age"],
  (attachment, now) => [
    attachment.spec.attacher,
    attachment.spec.source.persistentVolumeName ?? "",
    attachment.spec.nodeName,
    attachment.status?.attached ?? false,
    ageOf(attachment, now),
  ],
);

export const csiNodeTable: TablePrinter<CSINode> = printer(["Drivers#", "Age"], (node, now) => [
  node.spec.drivers.length,
  ageOf(node, now),
]);

export const csiDriverTable: TablePrinter<CSIDriver> = printer(
  ["AttachRequired?", "PodInfoOnMount?", "StorageCapacity?", "TokenRequests", "RequiresRepublish?", "Modes", "Age"],
  (driver, now) => [
    driver.spec.attachRequired ?? true,
    driver.spec.podInfoOnMount ?? false,
    driver.spec.storageCapacity ?? false,
    (driver.spec.tokenRequests ?? []).map(({ audience }) => audience).join(",") || "<unset>",
    driver.spec.requiresRepublish ?? false,
    (driver.spec.volumeLifecycleModes ?? []).join(",") || "<none>",
    ageOf(driver, now),
  ],
);

export const volumeAttributesClassTable: TablePrinter<VolumeAttributesClass> = printer(
  ["DriverName", "Age"],
  (attributes, now) => [attributes.driverName, ageOf(attributes, now)],
);
