/** Validation of CSI drivers. */
import { type DeepReadonly, type FieldError, fieldErrors } from "@coxswain/apimachinery";
import { unchanged } from "../../../validation/metadata.ts";
import { supported } from "../../../validation/values.ts";
import type { CSIDriver, TokenRequest } from "../types.ts";

const { invalid, required, notSupported, duplicate } = fieldErrors;
const policies = ["File", "None", "ReadWriteOnceWithFSType"];

export function validateCsiDriver({ spec }: DeepReadonly<CSIDriver>): FieldError[] {
  const errors = spec.attachRequired === undefined ? [required("spec.attachedRequired")] : [];
  if (spec.podInfoOnMount === undefined) errors.push(required("spec.podInfoOnMount"));
  if (spec.storageCapacity === undefined) errors.push(required("spec.storageCapacity"));
  errors.push(...supported(spec.fsGroupPolicy, policies, "spec.fsGroupPolicy"));
  errors.push(...validateTokens(spec.tokenRequests ?? []));
  for (const mode of spec.volumeLifecycleModes ?? [])
    if (mode !== "Persistent" && mode !== "Ephemeral")
      errors.push(notSupported("spec.volumeLifecycleModes", mode, ["Persistent", "Ephemeral"]));
  if (spec.seLinuxMount === undefined) errors.push(required("spec.seLinuxMount"));
  const period = spec.nodeAllocatableUpdatePeriodSeconds;
  if (period !== undefined && period < 10) {
    const words = "must be greater than or equal to 10 seconds";
    errors.push(invalid("spec.nodeAllocatableUpdatePeriodSeconds", period, words));
  }
  return errors;
}

function validateTokens(tokens: readonly DeepReadonly<TokenRequest>[]): FieldError[] {
  const seen = new Set<string>();
  return tokens.flatMap(({ audience, expirationSeconds: seconds = 600 }, index) => {
    const here = `spec.tokenRequests[${index}]`;
    if (seen.has(audience)) return [duplicate(`${here}.audience`, audience)];
    seen.add(audience);
    const field = `${here}.expirationSeconds`;
    if (seconds < 600) return [invalid(field, seconds, "may not specify a duration less than 10 minutes")];
    return seconds > 2 ** 32 ? [invalid(field, seconds, "may not specify a duration larger than 2^32 seconds")] : [];
  });
}

export function validateCsiDriverUpdate(next: DeepReadonly<CSIDriver>, old: DeepReadonly<CSIDriver>): FieldError[] {
  return [
    ...unchanged(next.spec.attachRequired, old.spec.attachRequired, "spec.attachedRequired"),
    ...unchanged(next.spec.volumeLifecycleModes, old.spec.volumeLifecycleModes, "spec.volumeLifecycleModes"),
  ];
}
