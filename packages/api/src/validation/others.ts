/** The rules of groups with one small kind each: leases, priority classes, runtime classes, API services. */
import {
  type DeepReadonly,
  dns1035LabelErrors,
  dnsLabelErrors,
  dnsSubdomainErrors,
  type FieldError,
  fieldErrors,
  pathSegmentErrors,
} from "@coxswain/apimachinery";
import type { APIService } from "../apiregistration/v1/types.ts";
import type { Lease } from "../coordination/v1/types.ts";
import { validateTolerations } from "../core/v1/pod/scheduling-validation.ts";
import { validateAmounts } from "../core/v1/resource-validation.ts";
import type { RuntimeClass } from "../node/v1/types.ts";
import type { PriorityClass } from "../scheduling/v1/types.ts";
import { unchanged, validateLabels } from "./metadata.ts";
import { type RuleTable, thenUpdate } from "./rules.ts";
import { notNegative, portNumber, positive, supported, wrong } from "./values.ts";

const { invalid, required, forbidden } = fieldErrors;

function validateLease(lease: DeepReadonly<Lease>): FieldError[] {
  const { leaseDurationSeconds, leaseTransitions, strategy, preferredHolder } = lease.spec ?? {};
  const errors = [
    ...positive(leaseDurationSeconds, "spec.leaseDurationSeconds"),
    ...notNegative(leaseTransitions, "spec.leaseTransitions"),
  ];
  if (strategy !== undefined && strategy !== "OldestEmulationVersion" && !strategy.includes("/"))
    errors.push(
      fieldErrors.invalid(
        "spec.strategy",
        strategy,
        'must be one of ["OldestEmulationVersion"] or a fully qualified name',
      ),
    );
  if (preferredHolder && !strategy)
    errors.push(forbidden("spec.preferredHolder", "may only be specified if `strategy` is defined"));
  return errors;
}

const mostUserPriority = 1_000_000_000;
const systemClasses: Readonly<Record<string, number>> = {
  "system-node-critical": 2_000_001_000,
  "system-cluster-critical": 2_000_000_000,
};

function validatePriorityClass(priorityClass: DeepReadonly<PriorityClass>): FieldError[] {
  const { metadata, value = 0, preemptionPolicy } = priorityClass;
  // There may be none yet, which is said elsewhere.
  const name = metadata.name ?? "";
  const errors: FieldError[] = [];
  if (name.startsWith("system-")) {
    const expected = systemClasses[name];
    const problem =
      expected === undefined
        ? `${name} is not a known system priority class`
        : `value of ${name} PriorityClass must be ${expected}`;
    if (expected !== value) {
      const words = `priority class names with 'system-' prefix are reserved for system use only. error: ${problem}`;
      errors.push(forbidden("metadata.name", words));
    }
  } else if (value > mostUserPriority)
    errors.push(forbidden("value", `maximum allowed value of a user defined priority is ${mostUserPriority}`));
  const policy: string | undefined = preemptionPolicy;
  if (policy === "") return [...errors, required("preemptionPolicy")];
  return [...errors, ...supported(policy, ["PreemptLowerPriority", "Never"], "preemptionPolicy")];
}

function validatePriorityClassUpdate(
  next: DeepReadonly<PriorityClass>,
  old: DeepReadonly<PriorityClass>,
): FieldError[] {
  const errors = (next.value ?? 0) === (old.value ?? 0) ? [] : [forbidden("value", "may not be changed in an update.")];
  return [...errors, ...unchanged(next.preemptionPolicy, old.preemptionPolicy, "preemptionPolicy")];
}

function validateRuntimeClass(runtimeClass: DeepReadonly<RuntimeClass>): FieldError[] {
  const { handler, overhead, scheduling } = runtimeClass;
  const errors = wrong("handler", handler, dnsLabelErrors(handler));
  if (overhead !== undefined) errors.push(...validateAmounts(overhead.podFixed ?? {}, "overhead"));
  if (scheduling === undefined) return errors;
  errors.push(...validateLabels(scheduling.nodeSelector, "scheduling.nodeSelector"));
  const tolerations = scheduling.tolerations ?? [];
  const path = "scheduling.tolerations";
  errors.push(...validateTolerations(tolerations, path));
  const seen = new Set<string>();
  for (const [index, toleration] of tolerations.entries()) {
    const { tolerationSeconds: _seconds, ...key } = toleration;
    const text = JSON.stringify(["key", "operator", "value", "effect"].map((name) => Object(key)[name] ?? ""));
    if (seen.has(text)) errors.push(fieldErrors.duplicate(`${path}[${index}]`, toleration));
    seen.add(text);
  }
  return errors;
}

const fixedHandler = (next: DeepReadonly<RuntimeClass>, old: DeepReadonly<RuntimeClass>): FieldError[] =>
  unchanged(next.handler, old.handler, "handler");

function validateApiService(service: DeepReadonly<APIService>): FieldError[] {
  const spec: Partial<NonNullable<DeepReadonly<APIService>["spec"]>> = service.spec ?? {};
  const { group = "", version = "", groupPriorityMinimum: groups = 0, versionPriority: versions = 0 } = spec;
  const { generateName = "", name = "" } = service.metadata as Partial<typeof service.metadata>;
  const errors = [
    ...serviceName(generateName, `${version}.${group}`, "metadata.generateName"),
    ...serviceName(name, `${version}.${group}`, "metadata.name"),
  ];
  if (group === "" && version !== "v1")
    errors.push(required("spec.group", "only v1 may have an empty group and it better be legacy kube"));
  errors.push(...(group === "" ? [] : wrong("spec.group", group, dnsSubdomainErrors(group))));
  errors.push(...wrong("spec.version", version, dns1035LabelErrors(version)));
  if (groups <= 0 || groups > 20_000)
    errors.push(invalid("spec.groupPriorityMinimum", groups, "must be positive and less than 20000"));
  if (versions <= 0 || versions > 1000)
    errors.push(invalid("spec.versionPriority", versions, "must be positive and less than 1000"));
  if (spec.service === undefined) {
    const bytes = Buffer.from(spec.caBundle ?? "", "base64").length;
    if (bytes > 0) errors.push(invalid("spec.caBundle", `${bytes} bytes`, "local APIServices may not have a caBundle"));
    if (spec.insecureSkipTLSVerify === true)
      errors.push(invalid("spec.insecureSkipTLSVerify", true, "local APIServices may not have insecureSkipTLSVerify"));
    return errors;
  }
  if (!spec.service.namespace) errors.push(required("spec.service.namespace"));
  if (!spec.service.name) errors.push(required("spec.service.name"));
  const { port } = spec.service;
  if (port !== undefined && portNumber(port, "").length > 0)
    errors.push(invalid("spec.service.port", port, "port is not valid: must be between 1 and 65535, inclusive"));
  if (spec.insecureSkipTLSVerify === true && spec.caBundle)
    errors.push(invalid("spec.insecureSkipTLSVerify", true, "may not be true if caBundle is present"));
  return errors;
}

/** A name that is not there yet is spoken of elsewhere. */
function serviceName(name: string, expected: string, field: string): FieldError[] {
  if (name === "") return [];
  const errors = wrong(field, name, pathSegmentErrors(name));
  return errors.length > 0 || name === expected
    ? errors
    : [invalid(field, name, `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(expected)}`)];
}

export const otherRules: RuleTable = {
  "coordination/v1.Lease": { object: validateLease },
  "scheduling/v1.PriorityClass": { object: validatePriorityClass, update: validatePriorityClassUpdate },
  "node/v1.RuntimeClass": thenUpdate(validateRuntimeClass, fixedHandler),
  "apiregistration/v1.APIService": { name: () => [], object: validateApiService },
};
