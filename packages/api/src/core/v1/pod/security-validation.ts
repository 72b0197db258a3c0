/** Validation of security contexts: users, groups, profiles, sysctls, options of Windows, and what an operating system rules out. */
import { type DeepReadonly, type FieldError, fieldErrors } from "@coxswain/apimachinery";
import { descendingPath } from "../../../validation/paths.ts";
import { supported, systemId } from "../../../validation/values.ts";
import { goSecurityContext, goValue } from "../go-values.ts";
import type { AppArmorProfile, PodSpec, SeccompProfile, SecurityContext } from "../types.ts";
import { windowsOptions } from "./windows-validation.ts";

const { invalid, required, notSupported, forbidden, tooLong, duplicate } = fieldErrors;

const profileTypes = ["Localhost", "RuntimeDefault", "Unconfined"];
const segment = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
const sysctlShape = `^(${segment}[\\./])*${segment}$`;

export function validatePodSecurity(spec: DeepReadonly<PodSpec>, path: string): FieldError[] {
  const context = spec.securityContext ?? {};
  const errors: FieldError[] = [];
  for (const name of ["fsGroup", "runAsUser", "runAsGroup"] as const)
    errors.push(...systemId(context[name], `${path}.${name}`));
  for (const [index, group] of (context.supplementalGroups ?? []).entries())
    errors.push(...systemId(group, `${path}.supplementalGroups[${index}]`));
  if (spec.shareProcessNamespace === true && spec.hostPID === true) {
    const words = "ShareProcessNamespace and HostPID cannot both be enabled";
    errors.push(invalid(`${path}.shareProcessNamespace`, true, words));
  }
  errors.push(...validateSysctls(spec, `${path}.sysctls`));
  const change = context.fsGroupChangePolicy;
  errors.push(...supported(change, ["Always", "OnRootMismatch"], `${path}.fsGroupChangePolicy`));
  errors.push(...validateSeccomp(context.seccompProfile, `${path}.seccompProfile`));
  errors.push(...windowsOptions(context.windowsOptions, `${path}.windowsOptions`));
  errors.push(...validateAppArmor(context.appArmorProfile, `${path}.appArmorProfile`));
  const groups = context.supplementalGroupsPolicy;
  errors.push(...supported(groups, ["Merge", "Strict"], `${path}.supplementalGroupsPolicy`));
  const labels = context.seLinuxChangePolicy;
  errors.push(...supported(labels, ["MountOption", "Recursive"], `${path}.seLinuxChangePolicy`));
  return errors;
}

export function validateSecurity(
  context: DeepReadonly<SecurityContext> | undefined,
  hostUsers: boolean,
  path: string,
): FieldError[] {
  if (context === undefined) return [];
  const { privileged, capabilities, allowPrivilegeEscalation, procMount } = context;
  const errors = [
    ...systemId(context.runAsUser, `${path}.runAsUser`),
    ...systemId(context.runAsGroup, `${path}.runAsGroup`),
  ];
  if (procMount !== undefined) {
    errors.push(...supported(procMount, ["Default", "Unmasked"], `${path}.procMount`));
    if (hostUsers && procMount === "Unmasked")
      errors.push(invalid(`${path}.procMount`, procMount, "`hostUsers` must be false to use `Unmasked`"));
  }
  errors.push(...validateSeccomp(context.seccompProfile, `${path}.seccompProfile`));
  if (allowPrivilegeEscalation === false) {
    if (privileged === true)
      errors.push(
        invalid(
          path,
          goSecurityContext(context),
          "cannot set `allowPrivilegeEscalation` to false and `privileged` to true",
        ),
      );
    if ((capabilities?.add ?? []).includes("CAP_SYS_ADMIN")) {
      const words = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
      errors.push(invalid(path, goSecurityContext(context), words));
    }
  }
  errors.push(...windowsOptions(context.windowsOptions, `${path}.windowsOptions`));
  errors.push(...validateAppArmor(context.appArmorProfile, `${path}.appArmorProfile`));
  return errors;
}

function validateSeccomp(profile: DeepReadonly<SeccompProfile> | undefined, path: string): FieldError[] {
  if (profile === undefined) return [];
  const { localhostProfile } = profile;
  const type: string = profile.type;
  const field = `${path}.localhostProfile`;
  const errors: FieldError[] = [];
  if (type === "") errors.push(required(`${path}.type`, "type is required when seccompProfile is set"));
  else errors.push(...supported(type, profileTypes, `${path}.type`));
  if (type !== "Localhost") {
    if (localhostProfile !== undefined)
      errors.push(invalid(field, goValue("profile", profile), "can only be set when seccomp type is Localhost"));
  } else if (localhostProfile === undefined) errors.push(required(field, "must be set when seccomp type is Localhost"));
  else errors.push(...descendingPath(localhostProfile, field));
  return errors;
}

function validateAppArmor(profile: DeepReadonly<AppArmorProfile> | undefined, path: string): FieldError[] {
  if (profile === undefined) return [];
  const { localhostProfile } = profile;
  const type: string = profile.type;
  const field = `${path}.localhostProfile`;
  if (type === "") return [required(`${path}.type`, "type is required when appArmorProfile is set")];
  if (type === "Localhost") {
    const missing = required(field, "must be set when AppArmor type is Localhost");
    if (localhostProfile === undefined) return [missing];
    const errors: FieldError[] = [];
    if (localhostProfile.trim() !== localhostProfile)
      errors.push(invalid(field, localhostProfile, "must not be padded with whitespace"));
    else if (localhostProfile === "") errors.push(missing);
    return localhostProfile.length > 4095 ? [...errors, tooLong(field, "", 4095)] : errors;
  }
  if (!profileTypes.includes(type)) return [notSupported(`${path}.type`, type, profileTypes)];
  return localhostProfile === undefined
    ? []
    : [invalid(field, localhostProfile, "can only be set when AppArmor type is Localhost")];
}

function validateSysctls(spec: DeepReadonly<PodSpec>, path: string): FieldError[] {
  const seen = new Set<string>();
  return (spec.securityContext?.sysctls ?? []).flatMap(({ name }, index) => {
    const field = `${path}[${index}].name`;
    const errors: FieldError[] = [];
    if (name === "") errors.push(required(field));
    else if (name.length > 253 || !new RegExp(sysctlShape).test(name))
      errors.push(invalid(field, name, `must have at most 253 characters and match regex ${sysctlShape}`));
    else if (seen.has(name)) errors.push(duplicate(field, name));
    seen.add(name);
    const plain = name.replaceAll("/", ".");
    if (spec.hostNetwork === true && plain.startsWith("net."))
      errors.push(invalid(field, name, "may not be specified when 'hostNetwork' is true"));
    const ofIpc = /^(kernel\.(sem|shm|msg)|fs\.mqueue\.)/.test(plain);
    if (spec.hostIPC === true && ofIpc)
      errors.push(invalid(field, name, "may not be specified when 'hostIPC' is true"));
    return errors;
  });
}

/** Without the node's users a pod has none of its other namespaces either. */
export function validateHostUsers(spec: DeepReadonly<PodSpec>, path: string): FieldError[] {
  if (spec.hostUsers !== false) return [];
  const words = "when `pod.Spec.HostUsers` is false";
  const errors: FieldError[] = [];
  if (spec.hostNetwork === true) errors.push(forbidden(`${path}.hostNetwork`, words));
  if (spec.hostPID === true) errors.push(forbidden(`${path}.HostPID`, words));
  if (spec.hostIPC === true) errors.push(forbidden(`${path}.HostIPC`, words));
  return errors;
}
