/**
 * Validation of what a pod says of itself in annotations: tolerations and profiles as they were said before there were fields for them, and what
 * of annotations never changes.
 */
import {
  decode,
  DecodeError,
  type DeepReadonly,
  type FieldError,
  fieldErrors,
  jsonSyntaxError,
} from "@coxswain/apimachinery";
import { schemas } from "../../../scheme.ts";
import { descendingPath } from "../../../validation/paths.ts";
import type { AppArmorProfile, PodSpec, SeccompProfile, Toleration } from "../types.ts";
import { eachContainer } from "./each-container.ts";
import { validateTolerations } from "./scheduling-validation.ts";

const { invalid, forbidden } = fieldErrors;
type Annotations = Readonly<Record<string, string>>;
type Spec = DeepReadonly<PodSpec>;

export const mirrorAnnotation = "kubernetes.io/config.mirror";
export const appArmorPrefix = "container.apparmor.security.beta.kubernetes.io/";
const deletionCost = "controller.kubernetes.io/pod-deletion-cost";
const tolerationsKey = "scheduler.alpha.kubernetes.io/tolerations";
const seccompPod = "seccomp.security.alpha.kubernetes.io/pod";
const seccompPrefix = "container.seccomp.security.alpha.kubernetes.io/";

export function validatePodAnnotations(annotations: Annotations = {}, spec: Spec, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const mirror = annotations[mirrorAnnotation];
  if (mirror !== undefined && !spec.nodeName) {
    const words = "must set spec.nodeName if mirror pod annotation is set";
    errors.push(invalid(`${path}[${mirrorAnnotation}]`, mirror, words));
  }
  if (annotations[tolerationsKey]) errors.push(...oldTolerations(annotations[tolerationsKey], path));
  const cost = annotations[deletionCost];
  if (cost !== undefined && !(/^(0|-?[1-9]\d*)$/.test(cost) && Math.abs(Number(cost)) <= 2147483647))
    errors.push(invalid(`${path}[${deletionCost}]`, cost, "must be a 32bit integer"));
  for (const [key, profile] of Object.entries(annotations))
    if (key === seccompPod || key.startsWith(seccompPrefix)) errors.push(...oldSeccomp(profile, `${path}.${key}`));
  return [...errors, ...oldAppArmor(annotations, spec, path)];
}

function oldTolerations(text: string, path: string): FieldError[] {
  const fault = jsonSyntaxError(text);
  if (fault !== undefined) return [invalid(path, tolerationsKey, fault)];
  const given: unknown = JSON.parse(text);
  if (given === null) return [];
  if (!Array.isArray(given)) {
    const kind = typeof given === "boolean" ? "bool" : typeof given;
    const words = `json: cannot unmarshal ${kind} into Go value of type []core.Toleration`;
    return [invalid(path, tolerationsKey, words)];
  }
  try {
    return validateTolerations(given.map(readToleration), `${path}.${tolerationsKey}`);
  } catch (cause) {
    if (cause instanceof DecodeError) return [invalid(path, tolerationsKey, cause.message)];
    throw cause;
  }
}

function readToleration(given: unknown): Toleration {
  const schema = schemas.find("core/v1.Toleration");
  return schema === undefined ? {} : decode(schema, given ?? {}).value;
}

function oldSeccomp(profile: string, field: string): FieldError[] {
  if (["runtime/default", "docker/default", "unconfined"].includes(profile)) return [];
  if (profile.startsWith("localhost/")) return descendingPath(profile.slice("localhost/".length), field);
  return [invalid(field, profile, "must be a valid seccomp profile")];
}

function oldAppArmor(annotations: Annotations, spec: Spec, path: string): FieldError[] {
  const names = new Set<string>();
  eachContainer(spec, "", ({ name }) => void names.add(name));
  return Object.entries(annotations).flatMap(([key, profile]) => {
    if (!key.startsWith(appArmorPrefix)) return [];
    const field = `${path}[${key}]`;
    const name = key.slice(appArmorPrefix.length);
    const isKnown = ["", "runtime/default", "unconfined"].includes(profile) || profile.startsWith("localhost/");
    return [
      ...(names.has(name) ? [] : [invalid(field, name, "container not found")]),
      ...(isKnown ? [] : [invalid(field, profile, `invalid AppArmor profile name: ${JSON.stringify(profile)}`)]),
    ];
  });
}

/** Where an annotation and a field both name a profile, they name the same. */
export function validateProfilesMatch(annotations: Annotations = {}, spec: Spec, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const seccomp = spec.securityContext?.seccompProfile;
  const field = `${path}.securityContext.seccompProfile`;
  errors.push(...mismatch("seccomp", annotations[seccompPod], seccomp, field));
  eachContainer(spec, path, ({ name, securityContext }, here) => {
    const at = `${here}.securityContext.seccompProfile`;
    errors.push(...mismatch("seccomp", annotations[`${seccompPrefix}${name}`], securityContext?.seccompProfile, at));
  });
  if (spec.os?.name === "windows") return errors;
  eachContainer(spec, path, ({ name, securityContext }, here) => {
    const profile = securityContext?.appArmorProfile ?? spec.securityContext?.appArmorProfile;
    const at = `${here}.securityContext.appArmorProfile`;
    errors.push(...mismatch("apparmor", annotations[`${appArmorPrefix}${name}`], profile, at));
  });
  return errors;
}

function mismatch(
  what: "seccomp" | "apparmor",
  annotation: string | undefined,
  profile: DeepReadonly<SeccompProfile | AppArmorProfile> | undefined,
  field: string,
): FieldError[] {
  if (annotation === undefined || profile === undefined) return [];
  const other = forbidden(`${field}.type`, `${what} type in annotation and field must match`);
  if (profile.type === "Unconfined") return annotation === "unconfined" ? [] : [other];
  if (profile.type === "RuntimeDefault") {
    const isDefault = annotation === "runtime/default" || (what === "seccomp" && annotation === "docker/default");
    return isDefault ? [] : [other];
  }
  if (profile.type !== "Localhost") return [];
  if (!annotation.startsWith("localhost/")) return [other];
  return annotation.slice("localhost/".length) === profile.localhostProfile
    ? []
    : [forbidden(`${field}.localhostProfile`, `${what} profile in annotation and field must match`)];
}

/** A pod stays what it was to the node that mirrors it, and confined as it is. */
export function validateAnnotationUpdate(next: Annotations = {}, old: Annotations = {}): FieldError[] {
  const path = "metadata.annotations";
  const subject = (key: string): string | undefined =>
    key.startsWith(appArmorPrefix)
      ? "AppArmor annotations"
      : key === mirrorAnnotation
        ? "mirror pod annotation"
        : undefined;
  const said = (keys: string[], verb: string): FieldError[] =>
    keys.flatMap((key) => {
      const what = subject(key);
      return what === undefined ? [] : [forbidden(`${path}[${key}]`, `may not ${verb} ${what}`)];
    });
  return [
    ...said(
      Object.keys(old).filter((key) => next[key] !== old[key]),
      "remove or update",
    ),
    ...said(
      Object.keys(next).filter((key) => old[key] === undefined),
      "add",
    ),
  ];
}
