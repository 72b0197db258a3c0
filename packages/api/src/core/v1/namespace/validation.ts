/** Validation of namespaces: finalizers, and that the phase agrees with whether it is being deleted. */
import { type DeepReadonly, type FieldError, fieldErrors, qualifiedNameErrors } from "@coxswain/apimachinery";
import { finalizerName } from "../../../validation/metadata.ts";
import { wrong } from "../../../validation/values.ts";
import type { Namespace } from "../types.ts";

export function validateNamespace(namespace: DeepReadonly<Namespace>): FieldError[] {
  return (namespace.spec?.finalizers ?? []).flatMap((name) => validateName(name, "spec.finalizers"));
}

export function validateNamespaceFinalize(next: DeepReadonly<Namespace>): FieldError[] {
  return (next.spec?.finalizers ?? []).flatMap((name, index) => validateName(name, `spec.finalizers[${index}]`));
}

function validateName(name: string, field: string): FieldError[] {
  return [...wrong(field, name, qualifiedNameErrors(name)), ...finalizerName(name, field)];
}

export function validateNamespaceStatus(next: DeepReadonly<Namespace>): FieldError[] {
  const phase = next.status?.phase ?? "";
  const isDeleted = next.metadata.deletionTimestamp !== undefined;
  const expected = isDeleted ? "Terminating" : "Active";
  if (phase === expected) return [];
  const words = `may only be '${expected}' if \`deletionTimestamp\` is ${isDeleted ? "not " : ""}empty`;
  return [fieldErrors.invalid("status.Phase", phase, words)];
}
