/** Validation of pods and of templates of pods, as in pkg/apis/core/validation: order, paths and words. */
import {
  type DeepReadonly,
  dnsLabelErrors,
  dnsSubdomainErrors,
  type FieldError,
  fieldErrors,
  type ObjectMeta,
} from "@coxswain/apimachinery";
import { validateAnnotations, validateLabels } from "../../../validation/metadata.ts";
import { dnsLabel, oneOf, qualifiedName, wrong } from "../../../validation/values.ts";
import { goValue } from "../go-values.ts";
import { validateAmounts } from "../resource-validation.ts";
import type { Pod, PodResourceClaim, PodSpec, PodTemplateSpec } from "../types.ts";
import { validatePodAnnotations, validateProfilesMatch } from "./annotation-validation.ts";
import { trimmedImage, validateContainers } from "./container-validation.ts";
import { validateDnsConfig, validateHostAliases, validateHostPorts } from "./network-validation.ts";
import { validatePodResources } from "./pod-resources-validation.ts";
import { validateAffinity, validateTolerations } from "./scheduling-validation.ts";
import { validateHostUsers, validatePodSecurity } from "./security-validation.ts";
import { validateSpread } from "./spread-validation.ts";
import { validateVolumes } from "./volume-validation.ts";
import { validateHostProcess, validateOs } from "./windows-validation.ts";

const { invalid, required, forbidden, duplicate } = fieldErrors;

/** A pod that is being created. */
export function validatePod(pod: DeepReadonly<Pod>): FieldError[] {
  const spec = pod.spec ?? { containers: [] };
  const errors = validatePodObject(pod);
  if ((spec.ephemeralContainers ?? []).length > 0)
    errors.push(forbidden("spec.ephemeralContainers", "cannot be set on create"));
  if (spec.nodeName && (spec.schedulingGates ?? []).length > 0)
    errors.push(forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared"));
  return [...errors, ...validateProfilesMatch(pod.metadata.annotations, spec, "spec")];
}

/** What holds of a pod at all times. */
export function validatePodObject(pod: DeepReadonly<Pod>): FieldError[] {
  const spec = pod.spec ?? { containers: [] };
  const { annotations } = pod.metadata;
  const errors = [
    ...validatePodAnnotations(annotations, spec, "metadata.annotations"),
    ...validatePodSpec(spec, "spec", pod.metadata),
  ];
  if (!spec.serviceAccountName) {
    for (const [index, { projected }] of (spec.volumes ?? []).entries())
      for (const [at, { serviceAccountToken }] of (projected?.sources ?? []).entries())
        if (serviceAccountToken !== undefined) {
          const field = `spec.volumes[${index}].projected.sources[${at}].serviceAccountToken`;
          errors.push(forbidden(field, "must not be specified when serviceAccountName is not set"));
        }
  }
  for (const list of ["containers", "initContainers"] as const)
    for (const [index, container] of (spec[list] ?? []).entries())
      errors.push(...trimmedImage(container, `spec.${list}[${index}]`));
  return errors;
}

export function validatePodTemplate(template: DeepReadonly<PodTemplateSpec>, path: string): FieldError[] {
  const spec = template.spec ?? { containers: [] };
  return [
    ...validateLabels(template.metadata?.labels, `${path}.labels`),
    ...validateAnnotations(template.metadata?.annotations, `${path}.annotations`),
    ...validatePodAnnotations(template.metadata?.annotations, spec, `${path}.annotations`),
    ...validatePodSpec(spec, `${path}.spec`),
    ...validateProfilesMatch(template.metadata?.annotations, spec, `${path}.spec`),
    ...((spec.ephemeralContainers ?? []).length > 0
      ? [forbidden(`${path}.spec.ephemeralContainers`, "ephemeral containers not allowed in pod template")]
      : []),
  ];
}

/** Metadata is the pod's own; a template has none that counts. */
export function validatePodSpec(
  spec: DeepReadonly<PodSpec>,
  path: string,
  metadata?: DeepReadonly<ObjectMeta>,
): FieldError[] {
  const errors: FieldError[] = [];
  if (spec.terminationGracePeriodSeconds === undefined) errors.push(required(`${path}.terminationGracePeriodSeconds`));
  const volumes = validateVolumes(spec.volumes ?? [], `${path}.volumes`, { metadata });
  const claims = new Set((spec.resourceClaims ?? []).map(({ name }) => name).filter((name) => name !== ""));
  errors.push(...volumes.errors, ...validateClaims(spec.resourceClaims ?? [], `${path}.resourceClaims`));
  errors.push(...validateContainers(spec, volumes.sound, claims, path));
  errors.push(...validatePodResources(spec, `${path}.resources`));
  errors.push(...validateHostPorts(spec, metadata !== undefined, `${path}.containers`));
  errors.push(...oneOf(spec.restartPolicy, ["Always", "OnFailure", "Never"], `${path}.restartPolicy`));
  const resolvers = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
  errors.push(...oneOf(spec.dnsPolicy, resolvers, `${path}.dnsPolicy`));
  errors.push(...validateLabels(spec.nodeSelector, `${path}.nodeSelector`));
  errors.push(...validatePodSecurity(spec, `${path}.securityContext`));
  errors.push(...validateAffinity(spec.affinity, `${path}.affinity`));
  errors.push(...validateDnsConfig(spec, `${path}.dnsConfig`));
  for (const [index, { conditionType }] of (spec.readinessGates ?? []).entries())
    errors.push(...qualifiedName(conditionType, `${path}.readinessGates[${index}].conditionType`));
  errors.push(...validateGates(spec, `${path}.schedulingGates`));
  errors.push(...validateSpread(spec.topologySpreadConstraints ?? [], `${path}.topologySpreadConstraints`));
  errors.push(...validateHostProcess(spec, path), ...validateHostUsers(spec, path));
  return [...errors, ...validateNames(spec, path)];
}

/** The rest of a spec, in Kubernetes' order: mostly names. */
function validateNames(spec: DeepReadonly<PodSpec>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const name = (field: keyof PodSpec & string, rule: (text: string) => string[]): void => {
    const value = spec[field];
    if (typeof value === "string" && value !== "") errors.push(...wrong(`${path}.${field}`, value, rule(value)));
  };
  name("serviceAccountName", dnsSubdomainErrors);
  name("nodeName", dnsSubdomainErrors);
  const deadline = spec.activeDeadlineSeconds;
  if (deadline !== undefined && (deadline < 1 || deadline > 2147483647)) {
    const words = "must be between 1 and 2147483647, inclusive";
    errors.push(invalid(`${path}.activeDeadlineSeconds`, deadline, words));
  }
  name("hostname", dnsLabelErrors);
  name("subdomain", dnsLabelErrors);
  errors.push(...validateTolerations(spec.tolerations ?? [], `${path}.tolerations`));
  errors.push(...validateHostAliases(spec.hostAliases ?? [], `${path}.hostAliases`));
  name("priorityClassName", dnsSubdomainErrors);
  const runtime = spec.runtimeClassName;
  if (runtime !== undefined) errors.push(...wrong(`${path}.runtimeClassName`, runtime, dnsSubdomainErrors(runtime)));
  const preemption = spec.preemptionPolicy;
  if (preemption !== undefined)
    errors.push(...oneOf(preemption, ["PreemptLowerPriority", "Never"], `${path}.preemptionPolicy`));
  if (spec.overhead !== undefined) errors.push(...validateAmounts(spec.overhead, `${path}.overhead`));
  return [...errors, ...validateOs(spec, path)];
}

function validateGates(spec: DeepReadonly<PodSpec>, path: string): FieldError[] {
  const seen = new Set<string>();
  return (spec.schedulingGates ?? []).flatMap(({ name }, index) => {
    const errors = qualifiedName(name, `${path}[${index}]`);
    if (seen.has(name)) errors.push(duplicate(`${path}[${index}]`, name));
    seen.add(name);
    return errors;
  });
}

function validateClaims(claims: readonly DeepReadonly<PodResourceClaim>[], path: string): FieldError[] {
  const names = new Set<string>();
  return claims.flatMap((claim, index) => {
    const here = `${path}[${index}]`;
    const { name, resourceClaimName: own, resourceClaimTemplateName: template } = claim;
    const errors: FieldError[] = [];
    if (name === "") errors.push(required(`${here}.name`));
    else if (names.has(name)) errors.push(duplicate(`${here}.name`, name));
    else errors.push(...dnsLabel(name, `${here}.name`));
    names.add(name);
    if (own !== undefined && template !== undefined) {
      const words = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified";
      errors.push(invalid(here, goValue("claim", claim), words));
    }
    if (own === undefined && template === undefined)
      errors.push(
        invalid(here, goValue("claim", claim), "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"),
      );
    if (own !== undefined) errors.push(...wrong(`${here}.resourceClaimName`, own, dnsSubdomainErrors(own)));
    if (template !== undefined)
      errors.push(...wrong(`${here}.resourceClaimTemplateName`, template, dnsSubdomainErrors(template)));
    return errors;
  });
}
