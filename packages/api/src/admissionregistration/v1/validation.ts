/** Validation of admission policies and their bindings; the rules of the group. Whether an expression compiles is asked where expressions are run. */
import {
  type DeepReadonly,
  dns1035LabelErrors,
  dnsSubdomainErrors,
  type FieldError,
  fieldErrors,
  pathSegmentErrors,
} from "@coxswain/apimachinery";
import { validateLabelSelector } from "../../validation/metadata.ts";
import type { RuleTable } from "../../validation/rules.ts";
import { named, oneOf, qualifiedName, supported, wrong } from "../../validation/values.ts";
import { failurePolicies, validateConditions, validateMatch } from "./match-validation.ts";
import type {
  AuditAnnotation,
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  ParamKind,
  ParamRef,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  Validation,
  Variable,
} from "./types.ts";
import { validateWebhooks } from "./webhook-configuration/validation.ts";

const { invalid, required, notSupported, forbidden, duplicate } = fieldErrors;
type PolicySpec = NonNullable<DeepReadonly<ValidatingAdmissionPolicy | MutatingAdmissionPolicy>["spec"]>;

function validatePolicySpec(spec: PolicySpec): FieldError[] {
  const errors = oneOf(spec.failurePolicy, failurePolicies, "spec.failurePolicy");
  if (spec.paramKind !== undefined) errors.push(...validateParamKind(spec.paramKind, "spec.paramKind"));
  const match = spec.matchConstraints;
  if (match === undefined) errors.push(required("spec.matchConstraints"));
  else {
    errors.push(...validateMatch(match, "spec.matchConstraints"));
    if ((match.resourceRules ?? []).length === 0) errors.push(required("spec.matchConstraints.resourceRules"));
  }
  errors.push(...validateConditions(spec.matchConditions ?? [], "spec.matchConditions"));
  for (const [index, variable] of (spec.variables ?? []).entries())
    errors.push(...validateVariable(variable, `spec.variables[${index}]`));
  return errors;
}

function validatePolicy(policy: DeepReadonly<ValidatingAdmissionPolicy>): FieldError[] {
  const spec = policy.spec ?? {};
  const { validations = [], auditAnnotations: audits = [] } = spec;
  const errors = validatePolicySpec(spec);
  if (validations.length + audits.length === 0) {
    const words = "validations or auditAnnotations must contain at least one item";
    return [...errors, required("spec.validations", words), required("spec.auditAnnotations", words)];
  }
  for (const [index, validation] of validations.entries())
    errors.push(...validateValidation(validation, `spec.validations[${index}]`));
  if (audits.length > 20)
    errors.push(invalid("spec.auditAnnotations", audits, "must not have more than 20 auditAnnotations"));
  const keys = new Set<string>();
  for (const [index, audit] of audits.entries()) {
    const here = `spec.auditAnnotations[${index}]`;
    errors.push(...validateAudit(audit, policy.metadata.name, here));
    if (keys.has(audit.key)) errors.push(duplicate(`${here}.key`, audit.key));
    keys.add(audit.key);
  }
  return errors;
}

function validateAudit(
  { key, valueExpression }: DeepReadonly<AuditAnnotation>,
  name: string,
  path: string,
): FieldError[] {
  const errors = qualifiedName(`${name}/${key}`, `${path}.key`);
  const field = `${path}.valueExpression`;
  const length = valueExpression.trim().length;
  if (length === 0) errors.push(required(field, "valueExpression is not specified"));
  else if (length > 5120) errors.push(required(field, "must not exceed 5120 bytes in length"));
  return errors;
}

function validateValidation(validation: DeepReadonly<Validation>, path: string): FieldError[] {
  const { expression, message = "", messageExpression = "", reason } = validation;
  const errors: FieldError[] = [];
  if (expression.trim() === "") errors.push(required(`${path}.expression`, "expression is not specified"));
  if (messageExpression !== "" && messageExpression.trim() === "")
    errors.push(invalid(`${path}.messageExpression`, messageExpression, "must be non-empty if specified"));
  if (message !== "" && message.trim() === "")
    errors.push(invalid(`${path}.message`, message, "message must be non-empty if specified"));
  else if (/[\n\r]/.test(message.trim()))
    errors.push(invalid(`${path}.message`, message, "message must not contain line breaks"));
  const reasons = ["Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized"];
  return [...errors, ...supported(reason, reasons, `${path}.reason`)];
}

function validateVariable({ name, expression }: DeepReadonly<Variable>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (name.trim() === "") errors.push(required(`${path}.name`, "name is not specified"));
  else if (!/^[_a-zA-Z][_a-zA-Z0-9]*$/.test(name))
    errors.push(invalid(`${path}.name`, name, "name is not a valid CEL identifier"));
  if (expression.trim() === "") errors.push(required(`${path}.expression`, "expression is not specified"));
  return errors;
}

function validateParamKind({ apiVersion = "", kind = "" }: DeepReadonly<ParamKind>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const field = `${path}.apiVersion`;
  if (apiVersion === "") errors.push(required(field));
  else if (apiVersion.split("/").length > 2)
    errors.push(invalid(field, apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
  else {
    const [group, version] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
    const groupErrors = group === undefined || group === "" ? [] : dnsSubdomainErrors(group);
    if (groupErrors.length > 0) errors.push(invalid(field, group, groupErrors.join(",")));
    const versionErrors = version === undefined || version === "" ? [] : dns1035LabelErrors(version);
    if (!version) errors.push(invalid(field, apiVersion, "version must be specified"));
    else if (versionErrors.length > 0) errors.push(invalid(field, version, versionErrors.join(",")));
  }
  const kindErrors = kind === "" ? [] : dns1035LabelErrors(kind.toLowerCase());
  if (kind === "") errors.push(required(`${path}.kind`));
  else if (kindErrors.length > 0) {
    const words = `may have mixed case, but should otherwise match: ${kindErrors.join(",")}`;
    errors.push(invalid(`${path}.kind`, kind, words));
  }
  return errors;
}

function validateMutatingPolicy(policy: DeepReadonly<MutatingAdmissionPolicy>): FieldError[] {
  const spec = policy.spec ?? {};
  const { mutations = [], reinvocationPolicy } = spec;
  const errors = validatePolicySpec(spec);
  if (mutations.length === 0) errors.push(required("spec.mutations", "mutations must contain at least one item"));
  for (const [index, mutation] of mutations.entries()) {
    const here = `spec.mutations[${index}]`;
    const type: string = mutation.patchType;
    const types = { ApplyConfiguration: "applyConfiguration", JSONPatch: "jsonPatch" } as const;
    if (type !== "ApplyConfiguration" && type !== "JSONPatch") {
      errors.push(
        type === ""
          ? required(`${here}.patchType`)
          : notSupported(`${here}.patchType`, type, ["ApplyConfiguration", "JSONPatch"]),
      );
      continue;
    }
    const name = types[type];
    if (mutation[name] === undefined)
      errors.push(required(`${here}.${name}`, `must be specified when patchType is ${type}`));
    else if ((mutation[name].expression ?? "").trim() === "")
      errors.push(required(`${here}.${name}.expression`, "expression is not specified"));
  }
  return [...errors, ...oneOf(reinvocationPolicy, ["IfNeeded", "Never"], "spec.reinvocationPolicy")];
}

function validateBinding(binding: DeepReadonly<ValidatingAdmissionPolicyBinding>): FieldError[] {
  const { policyName, paramRef, matchResources: match } = binding.spec;
  const actions = binding.spec.validationActions ?? [];
  const errors = named(policyName, dnsSubdomainErrors, "spec.policyName");
  if (paramRef !== undefined) errors.push(...validateParamRef(paramRef, "spec.paramRef"));
  if (match !== undefined) errors.push(...validateMatch(match, "spec.matchResouces"));
  const field = "spec.validationActions";
  for (const [index, action] of actions.entries()) {
    const known: readonly string[] = ["Audit", "Deny", "Warn"];
    if (!known.includes(action)) errors.push(notSupported(`${field}[${index}]`, action, known));
    if (actions.indexOf(action) < index) errors.push(duplicate(`${field}[${index}]`, action));
  }
  if (actions.includes("Deny") && actions.includes("Warn")) {
    const words =
      "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)";
    errors.push(invalid(field, actions, words));
  }
  return actions.length === 0 ? [...errors, required(field, "at least one validation action is required")] : errors;
}

function validateMutatingBinding(binding: DeepReadonly<MutatingAdmissionPolicyBinding>): FieldError[] {
  const { policyName = "", paramRef, matchResources: match } = binding.spec ?? {};
  return [
    ...named(policyName, dnsSubdomainErrors, "spec.policyName"),
    ...(paramRef === undefined ? [] : validateParamRef(paramRef, "spec.paramRef")),
    ...(match === undefined ? [] : validateMatch(match, "spec.matchResouces")),
  ];
}

function validateParamRef(ref: DeepReadonly<ParamRef>, path: string): FieldError[] {
  const { name = "", selector, parameterNotFoundAction: action } = ref;
  const errors: FieldError[] = [];
  if (name !== "") {
    errors.push(...wrong(`${path}.name`, name, pathSegmentErrors(name)));
    if (selector !== undefined) errors.push(forbidden(`${path}.name`, "name and selector are mutually exclusive"));
  }
  if (selector !== undefined) {
    errors.push(...validateLabelSelector(selector, `${path}.selector`));
    if (name !== "") errors.push(forbidden(`${path}.selector`, "name and selector are mutually exclusive"));
  }
  if (name === "" && selector === undefined) errors.push(required(path, "one of name or selector must be specified"));
  if (action === undefined) errors.push(required(`${path}.parameterNotFoundAction`));
  return [...errors, ...supported(action, ["Allow", "Deny"], `${path}.parameterNotFoundAction`)];
}

export const admissionRules: RuleTable = {
  "admissionregistration/v1.MutatingWebhookConfiguration": { object: validateWebhooks },
  "admissionregistration/v1.ValidatingWebhookConfiguration": { object: validateWebhooks },
  "admissionregistration/v1.ValidatingAdmissionPolicy": { object: validatePolicy },
  "admissionregistration/v1.ValidatingAdmissionPolicyBinding": { object: validateBinding },
  "admissionregistration/v1.MutatingAdmissionPolicy": { object: validateMutatingPolicy },
  "admissionregistration/v1.MutatingAdmissionPolicyBinding": { object: validateMutatingBinding },
};
