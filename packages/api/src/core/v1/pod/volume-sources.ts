/**
 * Validation of each source a volume can have, by its name in JSON. Pods and persistent volumes share most of them; where they differ, the
 * persistent one is in `persistentSources`. Which sources may stand together is decided by the callers.
 */
import {
  type DeepReadonly,
  type FieldError,
  fieldErrors,
  dnsSubdomainErrors,
  dnsLabelErrors,
} from "@coxswain/apimachinery";
import { fileMode, descendingPath, withoutBacksteps } from "../../../validation/paths.ts";
import { dnsLabel, dnsSubdomain, present, wrong } from "../../../validation/values.ts";
import type { PersistentVolumeSource, SecretReference, VolumeSource } from "../types.ts";
import { keyPaths } from "./key-paths.ts";
import { downwardApi, projected } from "./projected-validation.ts";

const { invalid, required, notSupported, forbidden } = fieldErrors;

type Rules<T> = {
  readonly [Name in keyof T]?:
    ((source: DeepReadonly<NonNullable<T[Name]>>, path: string, volume: string) => FieldError[]) | undefined;
};

const hostPathTypes = [
  "",
  "BlockDevice",
  "CharDevice",
  "Directory",
  "DirectoryOrCreate",
  "File",
  "FileOrCreate",
  "Socket",
];
const notBoth = "must specify either targetWWNs or wwids, but not both";

/** Some sources are spoken of under another name than JSON's; these are Kubernetes' slips, which clients may match on. */
export const spokenNames: Readonly<Record<string, string>> = { cephfs: "cephFS", downwardAPI: "downwarAPI" };

export const podSources: Rules<VolumeSource> = {
  emptyDir: ({ sizeLimit }, path) =>
    sizeLimit?.startsWith("-") === true
      ? [forbidden(`${path}.sizeLimit`, "SizeLimit field must be a valid resource quantity")]
      : [],
  hostPath({ path: target, type }, path) {
    if (target === "") return [required(`${path}.path`)];
    const kind =
      type !== undefined && !hostPathTypes.includes(type) ? [notSupported(`${path}.type`, type, hostPathTypes)] : [];
    return [...withoutBacksteps(target, `${path}.path`), ...kind];
  },
  gitRepo: ({ repository, directory }, path) => [
    ...present(repository, `${path}.repository`),
    ...descendingPath(directory ?? "", `${path}.directory`),
  ],
  gcePersistentDisk: ({ pdName, partition }, path) => [
    ...present(pdName, `${path.replace("gcePersistentDisk", "persistentDisk")}.pdName`),
    ...partitionNumber(partition, `${path.replace("gcePersistentDisk", "persistentDisk")}.partition`),
  ],
  awsElasticBlockStore: ({ volumeID, partition }, path) => [
    ...present(volumeID, `${path}.volumeID`),
    ...partitionNumber(partition, `${path}.partition`),
  ],
  secret: ({ secretName, defaultMode, items }, path) => [
    ...present(secretName, `${path}.secretName`),
    ...fileMode(defaultMode, `${path}.defaultMode`),
    ...keyPaths(items, `${path}.items`),
  ],
  configMap: ({ name, defaultMode, items }, path) => [
    ...present(name, `${path}.name`),
    ...fileMode(defaultMode, `${path}.defaultMode`),
    ...keyPaths(items, `${path}.items`),
  ],
  nfs: ({ server, path: target }, path) => [
    ...present(server, `${path}.server`),
    ...present(target, `${path}.path`),
    ...(target.startsWith("/") ? [] : [invalid(`${path}.path`, target, "must be an absolute path")]),
  ],
  iscsi(source, path, volume) {
    const errors = iscsi(source, path, "must be valid format starting with iqn, eui, or naa");
    if (source.initiatorName !== undefined && `${volume}:${source.targetPortal}`.length > 64)
      errors.push(invalid(`${parentOf(path)}.name`, volume, tooLongPortal));
    return errors;
  },
  glusterfs: ({ endpoints, path: target }, path) => [
    ...present(endpoints, `${path}.endpoints`),
    ...present(target, `${path}.path`),
  ],
  flocker: flocker,
  persistentVolumeClaim: ({ claimName }, path) => present(claimName, `${path}.claimName`),
  rbd: ({ monitors, image }, path) => rbd(monitors, image, path),
  cinder: ({ volumeID, secretRef }, path) => [
    ...present(volumeID, `${path}.volumeID`),
    ...(secretRef === undefined ? [] : present(secretRef.name, `${path}.secretRef.name`)),
  ],
  cephfs: ({ monitors }, path) => (monitors.length === 0 ? [required(`${path}.monitors`)] : []),
  quobyte,
  downwardAPI: downwardApi,
  fc,
  flexVolume: ({ driver, options }, path) => flexVolume(driver, options, path),
  azureFile: ({ secretName, shareName }, path) => [
    ...present(secretName, `${path}.secretName`),
    ...present(shareName, `${path}.shareName`),
  ],
  vsphereVolume: ({ volumePath }, path) => present(volumePath, `${path}.volumePath`),
  photonPersistentDisk: ({ pdID }, path) => present(pdID, `${path}.pdID`),
  portworxVolume: ({ volumeID }, path) => present(volumeID, `${path}.volumeID`),
  azureDisk,
  storageos: ({ volumeName = "", volumeNamespace = "", secretRef }, path) => [
    ...storageOs(volumeName, volumeNamespace, path),
    ...(secretRef === undefined ? [] : present(secretRef.name, `${path}.secretRef.name`)),
  ],
  projected,
  scaleIO: (source, path) => scaleIo(source, path),
  csi({ driver, nodePublishSecretRef }, path) {
    const errors = csiDriverName(driver, `${path}.driver`);
    if (nodePublishSecretRef === undefined) return errors;
    const name = nodePublishSecretRef.name ?? "";
    return name === ""
      ? [...errors, required(`${path}.nodePublishSecretRef.name`)]
      : [...errors, ...wrong(`${path}.name`, name, dnsSubdomainErrors(name))];
  },
};

export const persistentSources: Rules<PersistentVolumeSource> = {
  hostPath: podSources.hostPath,
  gcePersistentDisk: podSources.gcePersistentDisk,
  awsElasticBlockStore: podSources.awsElasticBlockStore,
  glusterfs({ endpoints, path: target, endpointsNamespace }, path) {
    const errors = [...present(endpoints, `${path}.endpoints`), ...present(target, `${path}.path`)];
    if (endpointsNamespace === undefined) return errors;
    const field = `${path}.endpointsNamespace`;
    const words = "if the endpointnamespace is set, it must be a valid namespace name";
    return endpointsNamespace === ""
      ? [...errors, invalid(field, "", words)]
      : [...errors, ...wrong(field, endpointsNamespace, dnsLabelErrors(endpointsNamespace))];
  },
  flocker: podSources.flocker,
  nfs: podSources.nfs,
  rbd: ({ monitors, image }, path) => rbd(monitors, image, path),
  quobyte: podSources.quobyte,
  cephfs: ({ monitors }, path) => (monitors.length === 0 ? [required(`${path}.monitors`)] : []),
  iscsi(source, path, volume) {
    const errors = iscsi(source, path, "must be valid format");
    if (source.initiatorName !== undefined && `${volume}:${source.targetPortal}`.length > 64)
      errors.push(invalid(`${path}.targetportal`, source.targetPortal, tooLongPortal));
    if (source.secretRef !== undefined) errors.push(...present(source.secretRef.name, `${path}.secretRef.name`));
    return errors;
  },
  cinder: ({ volumeID, secretRef }, path) => [
    ...present(volumeID, `${path}.volumeID`),
    ...(secretRef === undefined
      ? []
      : [
          ...present(secretRef.name, `${path}.secretRef.name`),
          ...present(secretRef.namespace, `${path}.secretRef.namespace`),
        ]),
  ],
  fc: podSources.fc,
  flexVolume: ({ driver, options }, path) => flexVolume(driver, options, path),
  azureFile: ({ secretName, shareName, secretNamespace }, path) => [
    ...present(secretName, `${path}.secretName`),
    ...present(shareName, `${path}.shareName`),
    ...(secretNamespace === undefined ? [] : present(secretNamespace, `${path}.secretNamespace`)),
  ],
  vsphereVolume: podSources.vsphereVolume,
  photonPersistentDisk: podSources.photonPersistentDisk,
  portworxVolume: podSources.portworxVolume,
  azureDisk: podSources.azureDisk,
  scaleIO: (source, path) => scaleIo(source, path),
  local: ({ path: target }, path) =>
    target === "" ? [required(`${path}.path`)] : withoutBacksteps(target, `${path}.path`),
  storageos: ({ volumeName = "", volumeNamespace = "", secretRef }, path) => [
    ...storageOs(volumeName, volumeNamespace, path),
    ...(secretRef === undefined
      ? []
      : [
          ...present(secretRef.name, `${path}.secretRef.name`),
          ...present(secretRef.namespace, `${path}.secretRef.namespace`),
        ]),
  ],
  csi(source, path) {
    const errors = [
      ...csiDriverName(source.driver, `${path}.driver`),
      ...present(source.volumeHandle, `${path}.volumeHandle`),
    ];
    for (const name of [
      "controllerPublishSecretRef",
      "controllerExpandSecretRef",
      "nodePublishSecretRef",
      "nodeExpandSecretRef",
    ] as const)
      if (source[name] !== undefined) errors.push(...secretReference(source[name], `${path}.${name}`));
    return errors;
  },
};

/** Names of CSI drivers and of everything that is named like them. */
export function csiDriverName(name: string, field: string): FieldError[] {
  return [
    ...present(name, field),
    ...(name.length > 63 ? [fieldErrors.tooLong(field, "", 63)] : []),
    ...wrong(field, name, dnsSubdomainErrors(name.toLowerCase())),
  ];
}

const tooLongPortal =
  "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.";
const initiators = {
  iqn: /iqn\.\d{4}-\d{2}\.([A-Za-z0-9\-.]+)(:[^,;*&$|\s]+)$/,
  eui: /^eui.[A-Za-z0-9]{16}$/,
  naa: /^naa.[A-Za-z0-9]{32}$/,
};

interface Iscsi {
  readonly targetPortal: string;
  readonly iqn: string;
  readonly lun: number;
  readonly chapAuthDiscovery?: boolean | undefined;
  readonly chapAuthSession?: boolean | undefined;
  readonly secretRef?: unknown;
  readonly initiatorName?: string | undefined;
}

function iscsi(source: Iscsi, path: string, unknownPrefix: string): FieldError[] {
  const errors = present(source.targetPortal, `${path}.targetPortal`);
  if (source.iqn === "") errors.push(required(`${path}.iqn`));
  else errors.push(...initiator(source.iqn, `${path}.iqn`, unknownPrefix));
  if (source.lun < 0 || source.lun > 255)
    errors.push(invalid(`${path}.lun`, source.lun, "must be between 0 and 255, inclusive"));
  if ((source.chapAuthDiscovery === true || source.chapAuthSession === true) && source.secretRef === undefined)
    errors.push(required(`${path}.secretRef`));
  if (source.initiatorName !== undefined)
    errors.push(...initiator(source.initiatorName, `${path}.initiatorname`, unknownPrefix));
  return errors;
}

function initiator(name: string, field: string, unknownPrefix: string): FieldError[] {
  for (const [prefix, shape] of Object.entries(initiators))
    if (name.startsWith(prefix)) return shape.test(name) ? [] : [invalid(field, name, "must be valid format")];
  return [invalid(field, name, unknownPrefix)];
}

function partitionNumber(partition: number | undefined, field: string): FieldError[] {
  const value = partition ?? 0;
  return value < 0 || value > 255 ? [invalid(field, value, "must be between 1 and 255, inclusive")] : [];
}

function flocker(source: DeepReadonly<NonNullable<VolumeSource["flocker"]>>, path: string): FieldError[] {
  const { datasetName = "", datasetUUID = "" } = source;
  const errors: FieldError[] = [];
  if (datasetName === "" && datasetUUID === "")
    errors.push(required(path, "one of datasetName and datasetUUID is required"));
  if (datasetName !== "" && datasetUUID !== "")
    errors.push(invalid(path, "resource", "datasetName and datasetUUID can not be specified simultaneously"));
  if (datasetName.includes("/")) errors.push(invalid(`${path}.datasetName`, datasetName, "must not contain '/'"));
  return errors;
}

function rbd(monitors: readonly string[], image: string, path: string): FieldError[] {
  return [...(monitors.length === 0 ? [required(`${path}.monitors`)] : []), ...present(image, `${path}.image`)];
}

function quobyte(source: DeepReadonly<NonNullable<VolumeSource["quobyte"]>>, path: string): FieldError[] {
  const pairs = "must be a host:port pair or multiple pairs separated by commas";
  const errors: FieldError[] = [];
  if (source.registry === "") errors.push(required(`${path}.registry`, pairs));
  else if ((source.tenant ?? "").length >= 65)
    errors.push(required(`${path}.tenant`, "must be a UUID and may not exceed a length of 64 characters"));
  else {
    for (const pair of source.registry.split(","))
      if (!/^([^:[\]]*|\[[^\]]*\]):[^:]*$/.test(pair)) errors.push(invalid(`${path}.registry`, source.registry, pairs));
  }
  return [...errors, ...present(source.volume, `${path}.volume`)];
}

function fc(source: DeepReadonly<NonNullable<VolumeSource["fc"]>>, path: string): FieldError[] {
  const { targetWWNs = [], wwids = [], lun } = source;
  const errors: FieldError[] = [];
  if (targetWWNs.length === 0 && wwids.length === 0) errors.push(required(`${path}.targetWWNs`, notBoth));
  if (targetWWNs.length > 0 && wwids.length > 0)
    errors.push(invalid(`${path}.targetWWNs`, targetWWNs, "targetWWNs and wwids can not be specified simultaneously"));
  if (targetWWNs.length === 0) return errors;
  if (lun === undefined) errors.push(required(`${path}.lun`, "lun is required if targetWWNs is specified"));
  else if (lun < 0 || lun > 255) errors.push(invalid(`${path}.lun`, lun, "must be between 0 and 255, inclusive"));
  return errors;
}

function flexVolume(driver: string, options: Readonly<Record<string, string>> | undefined, path: string): FieldError[] {
  const reserved = Object.keys(options ?? {}).filter((key) =>
    /\.(kubernetes|k8s)\.io$/.test(`.${(key.split("/")[0] ?? "").toLowerCase()}`),
  );
  return [
    ...present(driver, `${path}.driver`),
    ...reserved.map((key) =>
      invalid(`${path}.options[${key}]`, key, "kubernetes.io and k8s.io namespaces are reserved"),
    ),
  ];
}

function azureDisk(source: DeepReadonly<NonNullable<VolumeSource["azureDisk"]>>, path: string): FieldError[] {
  const { diskName, diskURI, cachingMode, kind } = source;
  const errors = [...present(diskName, `${path}.diskName`), ...present(diskURI, `${path}.diskURI`)];
  const modes = ["None", "ReadOnly", "ReadWrite"];
  const kinds = ["Dedicated", "Managed", "Shared"];
  if (cachingMode !== undefined && !modes.includes(cachingMode))
    errors.push(notSupported(`${path}.cachingMode`, cachingMode, modes));
  if (kind !== undefined && !kinds.includes(kind)) errors.push(notSupported(`${path}.kind`, kind, kinds));
  const managed = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}";
  const blob = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd";
  if (kind === "Managed" && !diskURI.startsWith("/subscriptions/"))
    errors.push(notSupported(`${path}.diskURI`, diskURI, [managed]));
  if (kind !== undefined && kind !== "Managed" && !diskURI.startsWith("https://"))
    errors.push(notSupported(`${path}.diskURI`, diskURI, [blob]));
  return errors;
}

function storageOs(name: string, namespace: string, path: string): FieldError[] {
  return [
    ...(name === "" ? [required(`${path}.volumeName`)] : dnsLabel(name, `${path}.volumeName`)),
    ...(namespace === "" ? [] : dnsLabel(namespace, `${path}.volumeNamespace`)),
  ];
}

function scaleIo(
  source: { readonly gateway: string; readonly system: string; readonly volumeName?: string | undefined },
  path: string,
): FieldError[] {
  return [
    ...present(source.gateway, `${path}.gateway`),
    ...present(source.system, `${path}.system`),
    ...present(source.volumeName, `${path}.volumeName`),
  ];
}

function secretReference({ name = "", namespace = "" }: DeepReadonly<SecretReference>, path: string): FieldError[] {
  return [
    ...(name === "" ? [required(`${path}.name`)] : dnsSubdomain(name, `${path}.name`)),
    ...(namespace === "" ? [required(`${path}.namespace`)] : dnsLabel(namespace, `${path}.namespace`)),
  ];
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("."));
}
