// Which ReplicaSet carries a Deployment's template: comparing templates and naming them by a hash. The hash is ours (Go's hashes
// a printed structure); a ReplicaSet of an equal template is found by comparison, so sets made by another implementation are kept.
import type { Deployment, ReplicaSet } from "@coxswain/api/apps/v1";
import type { PodTemplateSpec } from "@coxswain/api/core/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { canonicalJson } from "../../loop/same-json.ts";
import { createdMs } from "../../pods/state.ts";

export const hashLabel = "pod-template-hash";

/** The set whose template is the Deployment's; of several the oldest. */
export function newReplicaSet(
  deployment: DeepReadonly<Deployment>,
  sets: readonly DeepReadonly<ReplicaSet>[],
): DeepReadonly<ReplicaSet> | undefined {
  const wanted = comparable(deployment.spec?.template);
  return byAge(sets).find((set) => comparable(set.spec?.template) === wanted);
}

/** Oldest first. */
export function byAge(sets: readonly DeepReadonly<ReplicaSet>[]): readonly DeepReadonly<ReplicaSet>[] {
  return [...sets].sort((a, b) => createdMs(a) - createdMs(b) || (a.metadata.name < b.metadata.name ? -1 : 1));
}

/** A short text that changes with the template, and with the number of collisions that were met. */
export function templateHash(template: DeepReadonly<PodTemplateSpec> | undefined, collisionCount: number): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(
    `${canonicalJson(template)}${collisionCount > 0 ? `/${collisionCount}` : ""}`,
  )) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return safe(String(hash));
}

function comparable(template: DeepReadonly<PodTemplateSpec> | undefined): string {
  const { [hashLabel]: _, ...labels } = template?.metadata?.labels ?? {};
  return canonicalJson({ ...template, metadata: { ...template?.metadata, labels } });
}

/** Kubernetes' SafeEncodeString: no vowels, so no words. */
function safe(text: string): string {
  const alphabet = "bcdfghjklmnpqrstvwxz2456789";
  return [...text].map((character) => alphabet.charAt(character.charCodeAt(0) % alphabet.length)).join("");
}
