/** Validation of a pod's volumes: one name each, exactly one source, and what each source asks for. */
import {
  type DeepReadonly,
  dnsSubdomainErrors,
  type FieldError,
  fieldErrors,
  type ObjectMeta,
} from "@coxswain/apimachinery";
import { dnsLabel } from "../../../validation/values.ts";
import type { Volume } from "../types.ts";
import { validateClaimTemplate } from "../persistent-volume-claim/spec-validation.ts";
import { podSources, spokenNames } from "./volume-sources.ts";

const { invalid, required, duplicate, forbidden } = fieldErrors;

/** The order in which Kubernetes looks at sources; the first one counts, the others are too many. */
const order = [
  "emptyDir",
  "hostPath",
  "gitRepo",
  "gcePersistentDisk",
  "awsElasticBlockStore",
  "secret",
  "nfs",
  "iscsi",
  "glusterfs",
  "flocker",
  "persistentVolumeClaim",
  "rbd",
  "cinder",
  "cephfs",
  "quobyte",
  "downwardAPI",
  "fc",
  "flexVolume",
  "configMap",
  "azureFile",
  "vsphereVolume",
  "photonPersistentDisk",
  "portworxVolume",
  "azureDisk",
  "storageos",
  "projected",
  "scaleIO",
  "csi",
  "ephemeral",
  "image",
] as const;

export interface VolumeContext {
  /** Absent for templates: what depends on the pod's name cannot be checked then. */
  readonly metadata?: DeepReadonly<ObjectMeta> | undefined;
}

export type Volumes = ReadonlyMap<string, DeepReadonly<Volume>>;

/** The errors, and the volumes that are sound: only those can be mounted. */
export function validateVolumes(
  volumes: readonly DeepReadonly<Volume>[],
  path: string,
  context: VolumeContext,
): { readonly errors: FieldError[]; readonly sound: Volumes } {
  const podName = context.metadata?.name ?? "";
  const made = new Set(
    podName === "" ? [] : volumes.flatMap(({ name, ephemeral }) => (ephemeral ? [`${podName}-${name}`] : [])),
  );
  const errors: FieldError[] = [];
  const sound = new Map<string, DeepReadonly<Volume>>();
  for (const [index, volume] of volumes.entries()) {
    const here = `${path}[${index}]`;
    const own = validateSource(volume, here, context);
    own.push(...(volume.name === "" ? [required(`${here}.name`)] : dnsLabel(volume.name, `${here}.name`)));
    if (sound.has(volume.name)) own.push(duplicate(`${here}.name`, volume.name));
    if (own.length === 0) sound.set(volume.name, volume);
    errors.push(...own);
    const claim = volume.persistentVolumeClaim?.claimName;
    if (claim !== undefined && made.has(claim)) {
      const words = "must not reference a PVC that gets created for an ephemeral volume";
      errors.push(invalid(`${here}.persistentVolumeClaim.claimName`, claim, words));
    }
  }
  return { errors, sound };
}

function validateSource(volume: DeepReadonly<Volume>, path: string, context: VolumeContext): FieldError[] {
  const present = order.filter((name) => volume[name] !== undefined);
  if (present.length === 0) return [required(path, "must specify a volume type")];
  const [first, ...others] = present;
  const errors: FieldError[] = [];
  if (first === "ephemeral") errors.push(...validateEphemeral(volume, path, context));
  else if (first === "image") errors.push(...validateImage(volume, path, context));
  else if (first !== undefined) errors.push(...soundSource(volume, first, path));
  for (const name of others)
    errors.push(forbidden(`${path}.${spokenNames[name] ?? name}`, "may not specify more than 1 volume type"));
  return errors;
}

function soundSource(
  volume: DeepReadonly<Volume>,
  name: Exclude<(typeof order)[number], "ephemeral" | "image">,
  path: string,
): FieldError[] {
  const rule = podSources[name] as ((source: unknown, path: string, volume: string) => FieldError[]) | undefined;
  return rule?.(volume[name], `${path}.${name}`, volume.name) ?? [];
}

function validateEphemeral(volume: DeepReadonly<Volume>, path: string, { metadata }: VolumeContext): FieldError[] {
  const template = volume.ephemeral?.volumeClaimTemplate;
  const field = `${path}.ephemeral.volumeClaimTemplate`;
  const errors = template === undefined ? [required(field)] : validateClaimTemplate(template, field);
  if (metadata?.name === undefined || metadata.name === "" || volume.name === "") return errors;
  const claim = `${metadata.name}-${volume.name}`;
  const details = dnsSubdomainErrors(claim).map((detail) => `PVC name ${JSON.stringify(claim)}: ${detail}`);
  return [...errors, ...details.map((detail) => invalid(`${path}.name`, volume.name, detail))];
}

const pullPolicies = ["Always", "IfNotPresent", "Never"];

function validateImage(volume: DeepReadonly<Volume>, path: string, { metadata }: VolumeContext): FieldError[] {
  const { reference = "", pullPolicy = "" } = volume.image ?? {};
  const errors = metadata !== undefined && reference === "" ? [required(`${path}.image.reference`)] : [];
  if (pullPolicy === "") errors.push(required(`${path}.image.pullPolicy`));
  else if (!pullPolicies.includes(pullPolicy))
    errors.push(fieldErrors.notSupported(`${path}.image.pullPolicy`, pullPolicy, pullPolicies));
  return errors;
}
