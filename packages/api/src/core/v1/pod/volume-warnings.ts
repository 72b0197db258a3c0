/** Volumes of a pod that no longer work, or that hide one another's files. */
import type { DeepReadonly } from "@coxswain/apimachinery";
import { claimSpecWarnings } from "../persistent-volume-claim/warnings.ts";
import type { PodSpec, ProjectedVolumeSource } from "../types.ts";

const deprecated = [
  ["photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"],
  ["gitRepo", "deprecated in v1.11"],
  ["scaleIO", "deprecated in v1.16, non-functional in v1.22+"],
  ["flocker", "deprecated in v1.22, non-functional in v1.25+"],
  ["storageos", "deprecated in v1.22, non-functional in v1.25+"],
  ["quobyte", "deprecated in v1.22, non-functional in v1.25+"],
  ["glusterfs", "deprecated in v1.25, non-functional in v1.26+"],
  ["ephemeral", ""],
  ["cephfs", "deprecated in v1.28, non-functional in v1.31+"],
  ["rbd", "deprecated in v1.28, non-functional in v1.31+"],
] as const;

/** Warnings of all volumes. */
export function volumeWarnings({ volumes = [] }: DeepReadonly<PodSpec>, path: string): string[] {
  const plugins = volumes.flatMap((volume, index) =>
    deprecated.flatMap(([name, why]) => {
      if (volume[name] === undefined) return [];
      // Kubernetes writes this one in its Go name's form.
      if (why !== "") return [`${path}[${index}].${name === "storageos" ? "storageOS" : name}: ${why}`];
      const template = volume.ephemeral?.volumeClaimTemplate;
      return template ? claimSpecWarnings(template.spec, `${path}[${index}].ephemeral.volumeClaimTemplate.spec`) : [];
    }),
  );
  const tokens = new Set(
    volumes.flatMap(({ projected }) =>
      (projected?.sources ?? []).flatMap(({ serviceAccountToken }) =>
        serviceAccountToken ? [serviceAccountToken.path] : [],
      ),
    ),
  );
  const hidden = volumes.flatMap(({ projected }, index) =>
    projected && tokens.size > 0 ? tokenWarnings(projected, tokens, `${path}[${index}].projected.sources`) : [],
  );
  return [...plugins, ...hidden];
}

function tokenWarnings(
  { sources = [] }: DeepReadonly<ProjectedVolumeSource>,
  tokens: ReadonlySet<string>,
  path: string,
): string[] {
  const sameAs = (items: readonly { readonly path?: string | undefined }[] | undefined, at: string): string[] =>
    (items ?? []).flatMap((item, index) =>
      tokens.has(item.path ?? "")
        ? [`${path}.${at}[${index}]: has duplicated path with ServiceAccountToken ${JSON.stringify(item.path)}`]
        : [],
    );
  return sources.flatMap((source) => [
    ...sameAs(source.configMap?.items, "configMap"),
    ...sameAs(source.secret?.items, "secrets"),
    ...sameAs(source.downwardAPI?.items, "downwardAPI"),
  ]);
}
