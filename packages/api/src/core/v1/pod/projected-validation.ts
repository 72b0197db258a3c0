/** Validation of downward API and projected volumes. */
import { type DeepReadonly, dnsSubdomainErrors, type FieldError, fieldErrors } from "@coxswain/apimachinery";
import { validateLabelSelector } from "../../../validation/metadata.ts";
import { fileMode, ownPath } from "../../../validation/paths.ts";
import { present, wrong } from "../../../validation/values.ts";
import { signerName } from "../../../certificates/v1/signer-name.ts";
import type { ClusterTrustBundleProjection, DownwardAPIVolumeFile, VolumeProjection, VolumeSource } from "../types.ts";
import { fieldSelector, resourceFieldSelector } from "./field-selectors.ts";
import { keyPath } from "./key-paths.ts";

const { invalid, required, forbidden } = fieldErrors;
const fileFields = ["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];

export function downwardApi(
  source: DeepReadonly<NonNullable<VolumeSource["downwardAPI"]>>,
  path: string,
): FieldError[] {
  return [
    ...fileMode(source.defaultMode, `${path}.defaultMode`),
    ...(source.items ?? []).flatMap((file) => downwardFile(file, path)),
  ];
}

/** Kubernetes names no index here. */
function downwardFile(file: DeepReadonly<DownwardAPIVolumeFile>, path: string): FieldError[] {
  const errors = [...present(file.path, `${path}.path`), ...ownPath(file.path, `${path}.path`)];
  if (file.fieldRef !== undefined) {
    errors.push(...fieldSelector(file.fieldRef, fileFields, `${path}.fieldRef`));
    if (file.resourceFieldRef !== undefined)
      errors.push(invalid(path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously"));
  } else if (file.resourceFieldRef !== undefined)
    errors.push(...resourceFieldSelector(file.resourceFieldRef, `${path}.resourceFieldRef`, true));
  else errors.push(required(path, "one of fieldRef and resourceFieldRef is required"));
  return [...errors, ...fileMode(file.mode, `${path}.mode`)];
}

export function projected(source: DeepReadonly<NonNullable<VolumeSource["projected"]>>, path: string): FieldError[] {
  const taken = new Set<string>();
  const errors = fileMode(source.defaultMode, `${path}.defaultMode`);
  for (const [index, part] of (source.sources ?? []).entries())
    errors.push(...projection(part, path, `${path}.sources[${index}]`, taken));
  return errors;
}

function projection(
  source: DeepReadonly<VolumeProjection>,
  volume: string,
  path: string,
  taken: Set<string>,
): FieldError[] {
  const errors: FieldError[] = [];
  const claim = (target: string, value: string): void => {
    if (target === "") return;
    if (taken.has(target)) errors.push(invalid(volume, value, "conflicting duplicate paths"));
    taken.add(target);
  };
  for (const name of ["secret", "configMap"] as const) {
    const part = source[name];
    if (part === undefined) continue;
    errors.push(...present(part.name, `${path}.${name}.name`));
    for (const [index, item] of (part.items ?? []).entries()) {
      errors.push(...keyPath(item, `${path}.${name}.items[${index}]`));
      claim(item.path, part.name ?? "");
    }
  }
  for (const file of source.downwardAPI?.items ?? []) {
    errors.push(...downwardFile(file, `${path}.downwardAPI`));
    claim(file.path, file.path);
  }
  if (source.serviceAccountToken !== undefined) {
    const { expirationSeconds = 0, path: target } = source.serviceAccountToken;
    const field = `${path}.serviceAccountToken.expirationSeconds`;
    if (expirationSeconds < 600)
      errors.push(invalid(field, expirationSeconds, "may not specify a duration less than 10 minutes"));
    if (expirationSeconds > 2 ** 32)
      errors.push(invalid(field, expirationSeconds, "may not specify a duration larger than 2^32 seconds"));
    errors.push(...(target === "" ? [required(`${volume}.path`)] : ownPath(target, `${volume}.path`)));
  }
  if (source.clusterTrustBundle !== undefined) {
    errors.push(...trustBundle(source.clusterTrustBundle, `${path}.clusterTrustBundle`));
    claim(source.clusterTrustBundle.path, source.clusterTrustBundle.path);
  }
  if (Object.keys(source).length > 1)
    errors.push(forbidden(path, "may not specify more than 1 volume type per source"));
  return errors;
}

function trustBundle(bundle: DeepReadonly<ClusterTrustBundleProjection>, path: string): FieldError[] {
  const { name, signerName: signer, labelSelector } = bundle;
  const errors: FieldError[] = [];
  if (name !== undefined && signer !== undefined)
    errors.push(invalid(path, bundle, "only one of name and signerName may be used"));
  else if (name !== undefined) {
    if (name === "") errors.push(required(`${path}.name`, "must be a valid object name"));
    const details = dnsSubdomainErrors(name.slice(name.lastIndexOf(":") + 1));
    errors.push(
      ...wrong(
        `${path}.name`,
        name,
        details.map((detail) => `not a valid clustertrustbundlename: ${detail}`),
      ),
    );
    if (labelSelector !== undefined)
      errors.push(invalid(`${path}.labelSelector`, labelSelector, "labelSelector must be unset if name is specified"));
  } else if (signer !== undefined) {
    if (signer === "") errors.push(required(`${path}.signerName`, "must be a valid signer name"));
    errors.push(...signerName(signer, `${path}.signerName`));
    errors.push(...validateLabelSelector(labelSelector, `${path}.labelSelector`));
  } else errors.push(required(path, "either name or signerName must be specified"));
  return [...errors, ...present(bundle.path, `${path}.path`), ...ownPath(bundle.path, `${path}.path`)];
}
