/** Validation of the workloads: selectors that match their templates, strategies, what an update must leave alone. */
import {
  type DeepReadonly,
  dnsLabelErrors,
  type FieldError,
  fieldErrors,
  type IntOrString,
  isPercentage,
  jsonEqual,
} from "@coxswain/apimachinery";
import { validateClaimSpec } from "../../core/v1/persistent-volume-claim/spec-validation.ts";
import { validatePodTemplate } from "../../core/v1/pod/validation.ts";
import { validateEndless, validateReplicaCounts } from "../../core/v1/replication-controller/validation.ts";
import { unchanged } from "../../validation/metadata.ts";
import { type RuleTable, thenUpdate } from "../../validation/rules.ts";
import { atMostAll, countOrPercentage, dnsLabel, notNegative } from "../../validation/values.ts";
import { labelsMatch, requiredSelector, withReadable } from "./selector-validation.ts";
import { validateDaemonSetStatus, validateDeploymentStatus, validateStatefulSetStatus } from "./status-validation.ts";
import type {
  ControllerRevision,
  DaemonSet,
  Deployment,
  DeploymentSpec,
  ReplicaSet,
  StatefulSet,
  StatefulSetSpec,
} from "./types.ts";

const { invalid, required, notSupported, forbidden } = fieldErrors;

/** Text that is neither a percentage nor a number counts as nothing, too. */
const isZero = (value: IntOrString | undefined): boolean =>
  value === undefined ||
  value === 0 ||
  (typeof value === "string" &&
    (isPercentage(value) || /^[+-]?\d+$/.test(value) ? Number.parseInt(value, 10) === 0 : true));

function validateDeployment(deployment: DeepReadonly<Deployment>): FieldError[] {
  const spec: Partial<DeepReadonly<DeploymentSpec>> = deployment.spec ?? {};
  const { template = {}, progressDeadlineSeconds: deadline, minReadySeconds = 0 } = spec;
  const errors = [
    ...notNegative(spec.replicas, "spec.replicas"),
    ...requiredSelector(spec.selector, "deployment"),
    ...validateReplicaTemplate(spec.selector, template),
    ...validateStrategy(spec.strategy ?? {}),
    ...notNegative(minReadySeconds, "spec.minReadySeconds"),
    ...notNegative(spec.revisionHistoryLimit, "spec.revisionHistoryLimit"),
    ...notNegative(deadline, "spec.progressDeadlineSeconds"),
  ];
  if (deadline !== undefined && deadline <= minReadySeconds)
    errors.push(invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"));
  return errors;
}

function validateStrategy(strategy: DeepReadonly<NonNullable<DeploymentSpec["strategy"]>>): FieldError[] {
  const path = "spec.strategy";
  const { type, rollingUpdate } = strategy;
  const here = `${path}.rollingUpdate`;
  if (type === "Recreate")
    return rollingUpdate === undefined
      ? []
      : [forbidden(here, "may not be specified when strategy `type` is 'Recreate'")];
  if (type !== "RollingUpdate") return [notSupported(path, strategy, ["Recreate", "RollingUpdate"])];
  if (rollingUpdate === undefined) return [required(here, "this should be defaulted and never be nil")];
  const { maxUnavailable = 0, maxSurge = 0 } = rollingUpdate;
  const errors = [
    ...countOrPercentage(maxUnavailable, `${here}.maxUnavailable`),
    ...countOrPercentage(maxSurge, `${here}.maxSurge`),
  ];
  if (isZero(maxUnavailable) && isZero(maxSurge))
    errors.push(invalid(`${here}.maxUnavailable`, maxUnavailable, "may not be 0 when `maxSurge` is 0"));
  return [...errors, ...atMostAll(maxUnavailable, `${here}.maxUnavailable`)];
}

function validateReplicaSet(set: DeepReadonly<ReplicaSet>): FieldError[] {
  const { replicas, minReadySeconds, selector, template = {} } = set.spec ?? {};
  return [
    ...notNegative(replicas, "spec.replicas"),
    ...notNegative(minReadySeconds, "spec.minReadySeconds"),
    ...requiredSelector(selector, "deployment"),
    ...validateReplicaTemplate(selector, template),
  ];
}

function validateReplicaTemplate(selector: Parameters<typeof labelsMatch>[0], template: Template): FieldError[] {
  return withReadable(selector, "invalid label selector", () => [
    ...labelsMatch(selector, template.metadata?.labels),
    ...validatePodTemplate(template, "spec.template"),
    ...validateEndless(template, "ReplicaSet", "spec.template"),
  ]);
}

function validateDaemonSet(set: DeepReadonly<DaemonSet>): FieldError[] {
  const { selector, template = {}, minReadySeconds, updateStrategy = {}, revisionHistoryLimit } = set.spec ?? {};
  return [
    ...requiredSelector(selector, "daemonset", labelsMatch(selector, template.metadata?.labels)),
    ...validatePodTemplate(template, "spec.template"),
    ...validateEndless(template, "DaemonSet", "spec.template"),
    ...notNegative(minReadySeconds, "spec.minReadySeconds"),
    ...validateDaemonStrategy(updateStrategy),
    ...notNegative(revisionHistoryLimit, "spec.revisionHistoryLimit"),
  ];
}

function validateDaemonStrategy(
  strategy: DeepReadonly<NonNullable<NonNullable<DaemonSet["spec"]>["updateStrategy"]>>,
): FieldError[] {
  const path = "spec.updateStrategy";
  const { type, rollingUpdate } = strategy;
  if (type === "OnDelete") return [];
  if (type !== "RollingUpdate") return [notSupported(path, strategy, ["RollingUpdate", "OnDelete"])];
  const here = `${path}.rollingUpdate`;
  if (rollingUpdate === undefined) return [required(here)];
  const { maxUnavailable = 0, maxSurge = 0 } = rollingUpdate;
  const errors = [
    ...countOrPercentage(maxUnavailable, `${here}.maxUnavailable`),
    ...countOrPercentage(maxSurge, `${here}.maxSurge`),
    ...atMostAll(maxUnavailable, `${here}.maxUnavailable`),
    ...atMostAll(maxSurge, `${here}.maxSurge`),
  ];
  if (!isZero(maxUnavailable) && !isZero(maxSurge))
    errors.push(invalid(`${here}.maxSurge`, maxSurge, "may not be set when maxUnavailable is non-zero"));
  if (isZero(maxUnavailable) && isZero(maxSurge))
    errors.push(required(`${here}.maxUnavailable`, "cannot be 0 when maxSurge is 0"));
  return errors;
}

function validateStatefulSet(set: DeepReadonly<StatefulSet>, old?: DeepReadonly<StatefulSet>): FieldError[] {
  const spec: Partial<DeepReadonly<StatefulSetSpec>> = set.spec ?? {};
  const policy: string = spec.podManagementPolicy ?? "";
  const errors: FieldError[] = [];
  if (policy === "") errors.push(required("spec.podManagementPolicy"));
  else if (policy !== "OrderedReady" && policy !== "Parallel")
    errors.push(invalid("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'"));
  errors.push(...validateStatefulStrategy(spec.updateStrategy ?? {}));
  const retention = spec.persistentVolumeClaimRetentionPolicy;
  for (const name of ["whenDeleted", "whenScaled"] as const) {
    const value = retention?.[name] ?? "";
    if (retention !== undefined && value !== "Retain" && value !== "Delete")
      errors.push(notSupported(`spec.persistentVolumeClaimRetentionPolicy.${name}`, value, ["Retain", "Delete"]));
  }
  errors.push(...notNegative(spec.replicas, "spec.replicas"));
  errors.push(...notNegative(spec.minReadySeconds, "spec.minReadySeconds"));
  errors.push(...notNegative(spec.ordinals?.start, "spec.ordinals.start"));
  // What can never change is asked about only once.
  if (old === undefined && spec.serviceName) errors.push(...dnsLabel(spec.serviceName, "spec.serviceName"));
  errors.push(...requiredSelector(spec.selector, "statefulset"));
  for (const [index, claim] of (old === undefined ? (spec.volumeClaimTemplates ?? []) : []).entries())
    errors.push(...validateClaimSpec(claim.spec ?? {}, `spec.volumeClaimTemplates[${index}].spec`));
  const template = spec.template ?? {};
  errors.push(
    ...withReadable(spec.selector, "", () => [
      ...labelsMatch(spec.selector, template.metadata?.labels),
      ...(old !== undefined && validateTemplate(old).length > 0 ? [] : validateTemplate(set)),
    ]),
  );
  return [...errors, ...validateEndless(template, "StatefulSet", "spec.template")];
}

/** Pods of a stateful set can mount their claims by the names of the templates. */
function validateTemplate({ spec }: DeepReadonly<StatefulSet>): FieldError[] {
  const names = (spec?.volumeClaimTemplates ?? []).flatMap(({ metadata }: DeepReadonly<ClaimTemplate>) =>
    metadata?.name ? [metadata.name] : [],
  );
  return validatePodTemplate(withClaims(spec?.template ?? {}, names), "spec.template");
}

/** One that was sent without metadata has none. */
interface ClaimTemplate {
  metadata?: { name?: string };
}

type Template = Parameters<typeof validatePodTemplate>[0];

function withClaims(template: Template, names: readonly string[]): Template {
  if (template.spec === undefined || names.length === 0) return template;
  const own = (template.spec.volumes ?? []).filter(({ name }) => !names.includes(name));
  const made = names.map((name) => ({ name, persistentVolumeClaim: { claimName: name } }));
  return { ...template, spec: { ...template.spec, volumes: [...own, ...made] } };
}

function validateStatefulStrategy(
  strategy: DeepReadonly<NonNullable<StatefulSetSpec["updateStrategy"]>>,
): FieldError[] {
  const path = "spec.updateStrategy";
  const { rollingUpdate } = strategy;
  const type: string = strategy.type ?? "";
  if (type === "") return [required(path)];
  if (type !== "OnDelete" && type !== "RollingUpdate")
    return [invalid(path, strategy, "must be 'RollingUpdate' or 'OnDelete'")];
  if (rollingUpdate === undefined) return [];
  const here = `${path}.rollingUpdate`;
  if (type === "OnDelete") return [invalid(here, rollingUpdate, "only allowed for updateStrategy 'RollingUpdate'")];
  const { partition, maxUnavailable: most } = rollingUpdate;
  const errors = notNegative(partition, `${here}.partition`);
  if (most === undefined) return errors;
  errors.push(...countOrPercentage(most, `${here}.maxUnavailable`));
  if (isZero(most)) errors.push(invalid(`${here}.maxUnavailable`, most, "cannot be 0"));
  return [...errors, ...atMostAll(most, `${here}.maxUnavailable`)];
}

const statefulSetFrozen =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

function validateStatefulSetUpdate(next: DeepReadonly<StatefulSet>, old: DeepReadonly<StatefulSet>): FieldError[] {
  const stable = ({ spec }: DeepReadonly<StatefulSet>): unknown => ({
    podManagementPolicy: spec?.podManagementPolicy,
    selector: spec?.selector,
    serviceName: spec?.serviceName,
    volumeClaimTemplates: spec?.volumeClaimTemplates,
  });
  const errors = validateStatefulSet(next, old);
  return jsonEqual(stable(next), stable(old)) ? errors : [...errors, forbidden("spec", statefulSetFrozen)];
}

type Selecting = DeepReadonly<Deployment | ReplicaSet | DaemonSet>;

/** The selector of a deployment, replica set or daemon set never changes. */
const fixedSelector = (next: Selecting, old: Selecting): FieldError[] =>
  unchanged(next.spec?.selector, old.spec?.selector, "spec.selector");

function validateControllerRevision(revision: DeepReadonly<ControllerRevision>): FieldError[] {
  return [...validateData(revision.data), ...notNegative(revision.revision, "revision")];
}

function validateData(data: unknown): FieldError[] {
  if (data === undefined || data === null) return [required("data", "data is mandatory")];
  const isObject = typeof data === "object" && !Array.isArray(data);
  return isObject ? [] : [required("data", "data must be a valid JSON object")];
}

const fixedData = (next: DeepReadonly<ControllerRevision>, old: DeepReadonly<ControllerRevision>): FieldError[] =>
  unchanged(next.data, old.data, "data");

export const appsRules: RuleTable = {
  "apps/v1.Deployment": {
    ...thenUpdate(validateDeployment, fixedSelector),
    subresources: {
      status: validateDeploymentStatus,
    },
  },
  "apps/v1.ReplicaSet": {
    ...thenUpdate(validateReplicaSet, fixedSelector),
    subresources: { status: validateReplicaCounts },
  },
  "apps/v1.DaemonSet": {
    ...thenUpdate(validateDaemonSet, fixedSelector),
    subresources: { status: validateDaemonSetStatus },
  },
  "apps/v1.StatefulSet": {
    name: dnsLabelErrors,
    object: (set: DeepReadonly<StatefulSet>) => validateStatefulSet(set),
    update: validateStatefulSetUpdate,
    subresources: { status: validateStatefulSetStatus },
  },
  "apps/v1.ControllerRevision": thenUpdate(validateControllerRevision, fixedData),
};
