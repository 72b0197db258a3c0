/** What is allowed in a claim but probably not meant, in Kubernetes' words. */
import { type DeepReadonly, quantityMillis } from "@coxswain/apimachinery";
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from "../types.ts";

const olderClass = "volume.beta.kubernetes.io/storage-class";

/** Warnings of a claim. */
export function claimWarnings({ metadata, spec }: DeepReadonly<PersistentVolumeClaim>): string[] {
  return [...olderClassWarnings(metadata.annotations), ...(spec ? claimSpecWarnings(spec, "spec") : [])];
}

/** The class of a claim or volume in its older place. */
export function olderClassWarnings(annotations: Readonly<Record<string, string>> = {}): string[] {
  if (!Object.hasOwn(annotations, olderClass)) return [];
  return [`metadata.annotations[${olderClass}]: deprecated since v1.8; use "storageClassName" attribute instead`];
}

/** Warnings of what a claim, or a template of one, asks for. */
export function claimSpecWarnings({ resources }: DeepReadonly<PersistentVolumeClaimSpec>, path: string): string[] {
  return (["requests", "limits"] as const).flatMap((which) => {
    const amount = resources?.[which]?.["storage"];
    if (amount === undefined || Number.isInteger(quantityMillis(amount) / 1000)) return [];
    return [
      `${path}.resources.${which}[storage]: fractional byte value ${JSON.stringify(amount)} is invalid, must be an integer`,
    ];
  });
}
