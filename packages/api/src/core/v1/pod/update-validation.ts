/** Validation of what may change in a pod: by an update, with ephemeral containers, by a resize. */
import { compareQuantities, type DeepReadonly, type FieldError, fieldErrors, jsonEqual } from "@coxswain/apimachinery";
import { wholeObject } from "../../../validation/values.ts";
import { goValue } from "../go-values.ts";
import type { Affinity, NodeSelectorTerm, Pod, PodSpec, Toleration } from "../types.ts";
import { mirrorAnnotation, validateAnnotationUpdate } from "./annotation-validation.ts";
import { validatePodObject } from "./validation.ts";

const { invalid, forbidden, required } = fieldErrors;
type Update = (next: DeepReadonly<Pod>, old: DeepReadonly<Pod>) => FieldError[];
type Spec = DeepReadonly<PodSpec>;
const specOf = (pod: DeepReadonly<Pod>): Spec => pod.spec ?? { containers: [] };

const frozen = `pod updates may not change fields other than ${[
  "`spec.containers[*].image`",
  "`spec.initContainers[*].image`",
  "`spec.activeDeadlineSeconds`",
  "`spec.tolerations` (only additions to existing tolerations)",
  "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
].join(",")}`;

/** A running pod's spec stands still, apart from images, the deadline, added tolerations and removed scheduling gates. */
export const validatePodUpdate: Update = (next, old) => {
  const [spec, before] = [specOf(next), specOf(old)];
  const errors = withAnnotations(next, old);
  for (const list of ["containers", "initContainers"] as const) {
    if ((spec[list] ?? []).length !== (before[list] ?? []).length)
      return [...errors, forbidden(`spec.${list}`, "pod updates may not add or remove containers")];
    for (const [index, { image }] of (spec[list] ?? []).entries())
      if (!image) errors.push(required(`spec.${list}[${index}].image`));
  }
  const [deadline, oldDeadline] = [spec.activeDeadlineSeconds, before.activeDeadlineSeconds];
  const field = "spec.activeDeadlineSeconds";
  if (deadline !== undefined && (deadline < 0 || deadline > 2147483647))
    return [...errors, invalid(field, deadline, "must be between 0 and 2147483647, inclusive")];
  if (deadline !== undefined && oldDeadline !== undefined && oldDeadline < deadline)
    return [...errors, invalid(field, deadline, "must be less than or equal to previous value")];
  if (deadline === undefined && oldDeadline !== undefined)
    errors.push(invalid(field, null, "must not update from a positive integer to nil value"));
  errors.push(...addedTolerations(spec.tolerations ?? [], before.tolerations ?? []));
  errors.push(...removedGates(spec, before));
  if ((before.schedulingGates ?? []).length > 0) errors.push(...gatedChanges(spec, before));
  const changed = changedFields(comparable(spec, before), comparable(before, before));
  if (changed.length > 0) errors.push(forbidden("spec", `${frozen}\nchanged: ${changed.join(", ")}`));
  return errors;
};

const withAnnotations: Update = (next, old) => [
  ...validatePodObject(next),
  ...validateAnnotationUpdate(next.metadata.annotations, old.metadata.annotations),
];

function addedTolerations(
  next: readonly DeepReadonly<Toleration>[],
  old: readonly DeepReadonly<Toleration>[],
): FieldError[] {
  const kept = old.every((before) => next.some((after) => sameToleration(before, after)));
  return kept
    ? []
    : [forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds")];
}

function sameToleration(left: DeepReadonly<Toleration>, right: DeepReadonly<Toleration>): boolean {
  return jsonEqual({ ...left, tolerationSeconds: 0 }, { ...right, tolerationSeconds: 0 });
}

function removedGates(spec: Spec, before: Spec): FieldError[] {
  const old = new Set((before.schedulingGates ?? []).map(({ name }) => name));
  return (spec.schedulingGates ?? []).flatMap(({ name }, index) =>
    old.has(name)
      ? []
      : [
          forbidden(
            `spec.schedulingGates[${index}].name`,
            `only deletion is allowed, but found new scheduling gate '${name}'`,
          ),
        ],
  );
}

/** What still may be said about nodes while gates hold the pod back: more, never less. */
function gatedChanges(spec: Spec, before: Spec): FieldError[] {
  const selector = spec.nodeSelector ?? {};
  const errors = Object.entries(before.nodeSelector ?? {}).some(([key, value]) => selector[key] !== value)
    ? [
        invalid(
          "spec.nodeSelector",
          selector,
          "only additions to spec.nodeSelector are allowed (no mutations or deletions)",
        ),
      ]
    : [];
  const [terms, old] = [termsOf(spec.affinity) ?? [], termsOf(before.affinity) ?? []];
  const path = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms";
  if (old.length > 0 && terms.length !== old.length) {
    const words = "no additions/deletions to non-empty NodeSelectorTerms list are allowed";
    return [...errors, invalid(path, goValue("nodeTerm", terms), words)];
  }
  for (const [index, before_] of old.entries()) {
    const term = terms[index] ?? {};
    if (!onlyAdds(term, before_))
      errors.push(
        invalid(
          `${path}[${index}]`,
          goValue("nodeTerm", term),
          "only additions are allowed (no mutations or deletions)",
        ),
      );
  }
  return errors;
}

function termsOf(affinity: DeepReadonly<Affinity> | undefined): readonly DeepReadonly<NodeSelectorTerm>[] | undefined {
  return affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
}

function onlyAdds(next: DeepReadonly<NodeSelectorTerm>, old: DeepReadonly<NodeSelectorTerm>): boolean {
  const [expressions, fields] = [old.matchExpressions ?? [], old.matchFields ?? []];
  if (expressions.length === 0 && fields.length === 0)
    return (next.matchExpressions ?? []).length === 0 && (next.matchFields ?? []).length === 0;
  return (
    jsonEqual((next.matchExpressions ?? []).slice(0, expressions.length), expressions) &&
    jsonEqual((next.matchFields ?? []).slice(0, fields.length), fields)
  );
}

/** The parts of a spec that must stay as they are. */
function comparable(spec: Spec, before: Spec): Record<string, unknown> {
  const { activeDeadlineSeconds: _deadline, tolerations: _tolerations, schedulingGates: _gates, ...rest } = spec;
  const withoutImages = (list: DeepReadonly<PodSpec["containers"]> | undefined): unknown =>
    list?.map(({ image: _image, ...container }) => container);
  const isGated = (before.schedulingGates ?? []).length > 0;
  const { nodeAffinity: _nodes, ...affinity } = spec.affinity ?? {};
  const mayShorten =
    (before.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1
      ? { terminationGracePeriodSeconds: before.terminationGracePeriodSeconds }
      : {};
  return {
    ...rest,
    ...(isGated && { nodeSelector: undefined, affinity }),
    ...mayShorten,
    containers: withoutImages(spec.containers),
    initContainers: withoutImages(spec.initContainers),
  };
}

function changedFields(next: Record<string, unknown>, old: Record<string, unknown>): string[] {
  return [...new Set([...Object.keys(next), ...Object.keys(old)])]
    .filter((key) => !jsonEqual(next[key] ?? null, old[key] ?? null))
    .sort()
    .map((name) => `spec.${name}`);
}

/** Ephemeral containers may be added, not changed or removed. */
export const validateEphemeralUpdate: Update = (next, old) => {
  if (isMirror(old)) return [forbidden(wholeObject, "static pods do not support ephemeral containers")];
  const path = "spec.ephemeralContainers";
  const errors = withAnnotations(next, old);
  const now = new Map((next.spec?.ephemeralContainers ?? []).map((container) => [container.name, container]));
  for (const before of old.spec?.ephemeralContainers ?? []) {
    const after = now.get(before.name);
    const name = JSON.stringify(before.name);
    if (after === undefined) errors.push(forbidden(path, `existing ephemeral containers ${name} may not be removed\n`));
    else if (!jsonEqual(after, before))
      errors.push(forbidden(path, `existing ephemeral containers ${name} may not be changed\n`));
  }
  return errors;
};

const isMirror = (pod: DeepReadonly<Pod>): boolean => pod.metadata.annotations?.[mirrorAnnotation] !== undefined;

/** A resize changes cpu and memory of containers and sidecars, within the pod's class of service. */
export const validateResize: Update = (next, old) => {
  const [spec, before] = [specOf(next), specOf(old)];
  const podLevel = (pod: Spec): boolean =>
    Object.keys({ ...pod.resources?.requests, ...pod.resources?.limits }).length > 0;
  if (podLevel(spec) || podLevel(before))
    return [forbidden(wholeObject, "pods with pod-level resources cannot be resized")];
  if (isMirror(old)) return [forbidden(wholeObject, "static pods cannot be resized")];
  if (before.os?.name === "windows") return [forbidden(wholeObject, "windows pods cannot be resized")];
  const errors = validatePodObject(next);
  if (qualityOf(spec) !== (old.status?.qosClass ?? qualityOf(before))) {
    const words = "Pod QOS Class may not change as a result of resizing";
    errors.push(invalid("spec", next.status?.qosClass ?? "", words));
  }
  const running = (old.status?.containerStatuses ?? []).find(({ state }) => state?.running !== undefined);
  if (running !== undefined && running.resources === undefined)
    errors.push(forbidden("spec", "Pod running on node without support for resize"));
  for (const list of ["initContainers", "containers"] as const)
    for (const [index, container] of (before[list] ?? []).entries()) {
      if (list === "initContainers" && container.restartPolicy !== "Always") continue;
      const now = spec[list]?.[index]?.resources ?? {};
      for (const part of ["requests", "limits"] as const)
        if (Object.keys(container.resources?.[part] ?? {}).some((name) => now[part]?.[name] === undefined))
          errors.push(forbidden(`spec.${list}[${index}].resources.${part}`, `resource ${part} cannot be removed`));
    }
  errors.push(...otherChanges(spec, before));
  return errors;
};

function otherChanges(spec: Spec, before: Spec): FieldError[] {
  const words = {
    containers: "only cpu and memory resources are mutable",
    sidecars: "only cpu and memory resources for sidecar containers are mutable",
    initContainers: "resources for non-sidecar init containers are immutable",
  };
  const errors: FieldError[] = [];
  for (const list of ["containers", "initContainers"] as const)
    for (const [index, container] of (spec[list] ?? []).entries()) {
      const old = before[list]?.[index];
      const isSidecar = list === "initContainers" && container.restartPolicy === "Always";
      const isFixed = list === "initContainers" && !isSidecar;
      const same = isFixed
        ? jsonEqual(container, old ?? null)
        : jsonEqual(withoutSizes(container), old === undefined ? null : withoutSizes(old));
      if (!same) errors.push(forbidden("spec", words[isSidecar ? "sidecars" : list]));
    }
  return errors;
}

function withoutSizes(container: DeepReadonly<PodSpec["containers"][number]>): unknown {
  const strip = (amounts: Readonly<Record<string, string>> | undefined): Record<string, string> => {
    const { cpu: _cpu, memory: _memory, ...rest } = amounts ?? {};
    return rest;
  };
  const { resources, resizePolicy: _policy, ...rest } = container;
  return { ...rest, limits: strip(resources?.limits), requests: strip(resources?.requests) };
}

/** The class of service that a spec's resources make. */
function qualityOf(spec: Spec): string {
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  const amounts = containers.map(({ resources }) => ({
    requests: resources?.requests ?? {},
    limits: resources?.limits ?? {},
  }));
  const isPositive = (amount: string | undefined): amount is string =>
    amount !== undefined && compareQuantities(amount, "0") > 0;
  const counted = ["cpu", "memory"];
  if (
    amounts.every(({ requests, limits }) =>
      counted.every((name) => !isPositive(requests[name]) && !isPositive(limits[name])),
    )
  )
    return "BestEffort";
  const isGuaranteed = amounts.every(({ requests, limits }) =>
    counted.every((name) => {
      const limit = limits[name];
      return isPositive(limit) && compareQuantities(requests[name] ?? limit, limit) === 0;
    }),
  );
  return isGuaranteed ? "Guaranteed" : "Burstable";
}
