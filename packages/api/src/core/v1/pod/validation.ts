/** Validation of pods and pod specs, as in pkg/apis/core/validation: order, paths and words. Containers and volumes have files of their own. */
import {
  type DeepReadonly,
  dnsLabelErrors,
  dnsSubdomainErrors,
  type FieldError,
  fieldErrors,
  jsonEqual,
  qualifiedNameErrors,
} from "@coxswain/apimachinery";
import type { Pod, PodSpec, PodTemplateSpec, Toleration } from "../types.ts";
import { validateLabels, validateLabelSelector, validateMetadataContent } from "../../../validation/metadata.ts";
import { named, notNegative, oneOf } from "../../../validation/values.ts";
import { validateContainers } from "./container-validation.ts";
import { validateVolumes } from "./volume-validation.ts";

export function validatePod(pod: DeepReadonly<Pod>): FieldError[] {
  return validatePodSpec(pod.spec ?? { containers: [] }, "spec");
}

export function validatePodTemplate(template: DeepReadonly<PodTemplateSpec>, path: string): FieldError[] {
  const errors = [
    ...validateMetadataContent(template.metadata ?? {}, `${path}.metadata`),
    ...validatePodSpec(template.spec ?? { containers: [] }, `${path}.spec`),
  ];
  if ((template.spec?.ephemeralContainers ?? []).length > 0) {
    errors.push(
      fieldErrors.forbidden(`${path}.spec.ephemeralContainers`, "ephemeral containers not allowed in pod template"),
    );
  }
  return errors;
}

export function validatePodSpec(spec: DeepReadonly<PodSpec>, path: string): FieldError[] {
  const volumes = validateVolumes(spec.volumes ?? [], `${path}.volumes`);
  const errors = [...volumes, ...validateContainers(spec, path)];
  errors.push(...oneOf(spec.restartPolicy, ["Always", "OnFailure", "Never"], `${path}.restartPolicy`));
  errors.push(
    ...oneOf(spec.dnsPolicy, ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"], `${path}.dnsPolicy`),
  );
  errors.push(...validateLabels(spec.nodeSelector, `${path}.nodeSelector`));
  if (spec.serviceAccountName)
    errors.push(...named(spec.serviceAccountName, dnsSubdomainErrors, `${path}.serviceAccountName`));
  if (spec.nodeName) errors.push(...named(spec.nodeName, dnsSubdomainErrors, `${path}.nodeName`));
  const deadline = spec.activeDeadlineSeconds;
  if (deadline !== undefined && (deadline < 1 || deadline > 2 ** 31 - 1)) {
    errors.push(
      fieldErrors.invalid(`${path}.activeDeadlineSeconds`, deadline, "must be between 1 and 2147483647, inclusive"),
    );
  }
  errors.push(...notNegative(spec.terminationGracePeriodSeconds, `${path}.terminationGracePeriodSeconds`));
  if (spec.hostname) errors.push(...named(spec.hostname, dnsLabelErrors, `${path}.hostname`));
  if (spec.subdomain) errors.push(...named(spec.subdomain, dnsLabelErrors, `${path}.subdomain`));
  if (spec.priorityClassName)
    errors.push(...named(spec.priorityClassName, dnsSubdomainErrors, `${path}.priorityClassName`));
  if (spec.dnsPolicy === "None" && (spec.dnsConfig?.nameservers ?? []).length === 0) {
    errors.push(
      fieldErrors.required(
        `${path}.dnsConfig.nameservers`,
        "must provide at least one DNS nameserver when `dnsPolicy` is None",
      ),
    );
  }
  errors.push(...validateTolerations(spec.tolerations ?? [], `${path}.tolerations`));
  for (const [index, constraint] of (spec.topologySpreadConstraints ?? []).entries()) {
    const here = `${path}.topologySpreadConstraints[${index}]`;
    if (constraint.maxSkew <= 0)
      errors.push(fieldErrors.invalid(`${here}.maxSkew`, constraint.maxSkew, "must be greater than zero"));
    if (constraint.topologyKey === "") errors.push(fieldErrors.required(`${here}.topologyKey`, "can not be empty"));
    errors.push(
      ...oneOf(constraint.whenUnsatisfiable, ["DoNotSchedule", "ScheduleAnyway"], `${here}.whenUnsatisfiable`),
    );
    errors.push(...validateLabelSelector(constraint.labelSelector, `${here}.labelSelector`));
  }
  for (const [index, alias] of (spec.hostAliases ?? []).entries()) {
    if (!/^[0-9a-fA-F.:]+$/.test(alias.ip)) {
      errors.push(
        fieldErrors.invalid(
          `${path}.hostAliases[${index}].ip`,
          alias.ip,
          "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
        ),
      );
    }
  }
  return errors;
}

function validateTolerations(tolerations: readonly DeepReadonly<Toleration>[], path: string): FieldError[] {
  return tolerations.flatMap((toleration, index) => {
    const here = `${path}[${index}]`;
    const { key = "", operator = "", value = "", effect = "" } = toleration;
    const errors: FieldError[] = [];
    if (key !== "")
      errors.push(...qualifiedNameErrors(key).map((detail) => fieldErrors.invalid(`${here}.key`, key, detail)));
    if (key === "" && operator !== "Exists") {
      errors.push(
        fieldErrors.invalid(
          `${here}.operator`,
          operator,
          'operator must be Exists when `key` is empty, which means "match all values and all keys"',
        ),
      );
    }
    if (toleration.tolerationSeconds !== undefined && effect !== "NoExecute") {
      errors.push(
        fieldErrors.invalid(`${here}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"),
      );
    }
    if (operator === "Exists" && value !== "")
      errors.push(fieldErrors.invalid(`${here}.operator`, value, "value must be empty when `operator` is 'Exists'"));
    if (operator !== "" && !["Equal", "Exists", "Lt", "Gt"].includes(operator))
      errors.push(fieldErrors.notSupported(`${here}.operator`, operator, ["Equal", "Exists"]));
    if (effect !== "" && !["NoSchedule", "PreferNoSchedule", "NoExecute"].includes(effect)) {
      errors.push(fieldErrors.notSupported(`${here}.effect`, effect, ["NoSchedule", "PreferNoSchedule", "NoExecute"]));
    }
    return errors;
  });
}

const frozen =
  "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/** A running pod's spec stands still, apart from images, the deadline, added tolerations and removed scheduling gates. */
export function validatePodUpdate(next: DeepReadonly<Pod>, old: DeepReadonly<Pod>): FieldError[] {
  const [spec, before] = [next.spec ?? { containers: [] }, old.spec ?? { containers: [] }];
  for (const list of ["containers", "initContainers"] as const) {
    if ((spec[list] ?? []).length !== (before[list] ?? []).length) {
      return [fieldErrors.forbidden(`spec.${list}`, "pod updates may not add or remove containers")];
    }
  }
  const errors: FieldError[] = [];
  const [deadline, oldDeadline] = [spec.activeDeadlineSeconds, before.activeDeadlineSeconds];
  if (oldDeadline !== undefined && (deadline === undefined || deadline > oldDeadline)) {
    errors.push(
      fieldErrors.invalid("spec.activeDeadlineSeconds", deadline, "must be less than or equal to previous value"),
    );
  }
  const gates = (spec.schedulingGates ?? []).map(({ name }) => name);
  const oldGates = (before.schedulingGates ?? []).map(({ name }) => name);
  if (gates.some((name) => !oldGates.includes(name))) {
    errors.push(
      fieldErrors.forbidden("spec.schedulingGates", "only deletion is allowed, but found new scheduling gate(s)"),
    );
  }
  const kept = (before.tolerations ?? []).every((toleration) =>
    (spec.tolerations ?? []).some((other) => sameToleration(toleration, other)),
  );
  if (!kept)
    errors.push(
      fieldErrors.forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds"),
    );
  const gated = oldGates.length > 0;
  const changed = changedFields(comparable(spec, gated), comparable(before, gated));
  if (changed.length > 0)
    errors.push(
      fieldErrors.forbidden("spec", `${frozen}\nchanged: ${changed.map((name) => `spec.${name}`).join(", ")}`),
    );
  return errors;
}

/** The parts of a spec that must stay as they are. */
function comparable(spec: DeepReadonly<PodSpec>, gated: boolean): Record<string, unknown> {
  const { activeDeadlineSeconds: _deadline, tolerations: _tolerations, schedulingGates: _gates, ...rest } = spec;
  const withoutImages = (list: DeepReadonly<PodSpec["containers"]> | undefined): unknown =>
    list?.map(({ image: _image, ...container }) => container);
  const free = gated ? { nodeSelector: undefined, affinity: undefined } : {};
  return {
    ...rest,
    ...free,
    containers: withoutImages(spec.containers),
    initContainers: withoutImages(spec.initContainers),
  };
}

function changedFields(next: Record<string, unknown>, old: Record<string, unknown>): string[] {
  return [...new Set([...Object.keys(next), ...Object.keys(old)])]
    .filter((key) => !jsonEqual(next[key] ?? null, old[key] ?? null))
    .sort();
}

function sameToleration(left: DeepReadonly<Toleration>, right: DeepReadonly<Toleration>): boolean {
  return jsonEqual({ ...left, tolerationSeconds: 0 }, { ...right, tolerationSeconds: 0 });
}
