/** Validation of claims to devices and of device classes: names, requests, modes of allocation. Expressions are compiled where they are run. */
import {
  type DeepReadonly,
  dnsLabelErrors,
  dnsSubdomainErrors,
  type FieldError,
  fieldErrors,
} from "@coxswain/apimachinery";
import { unchanged } from "../../validation/metadata.ts";
import { type RuleTable, withUpdate } from "../../validation/rules.ts";
import { named } from "../../validation/values.ts";
import { validateTemplateMetadata } from "../../core/v1/persistent-volume-claim/spec-validation.ts";
import { validateSlice, validateSliceUpdate } from "./slice-validation.ts";
import type {
  DeviceClass,
  DeviceConfiguration,
  DeviceRequest,
  DeviceSelector,
  DeviceSubRequest,
  ResourceClaim,
  ResourceClaimSpec,
  ResourceClaimTemplate,
} from "./types.ts";

const { invalid, required, notSupported, forbidden, duplicate, tooMany } = fieldErrors;
const [mostRequests, mostSelectors, mostAlternatives, mostConsumers] = [32, 32, 8, 256];
const unknownRequest =
  "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

function validateClaim(claim: DeepReadonly<ResourceClaim>): FieldError[] {
  return validateClaimSpec(claim.spec, "spec");
}

function validateClaimSpec(spec: DeepReadonly<ResourceClaimSpec>, path: string): FieldError[] {
  const { requests = [], constraints = [], config = [] } = spec.devices ?? {};
  const here = `${path}.devices`;
  const names = new Set(
    requests.flatMap(({ name, firstAvailable = [] }) => [name, ...firstAvailable.map((sub) => `${name}/${sub.name}`)]),
  );
  const errors = limited(requests.length, mostRequests, `${here}.requests`);
  errors.push(...unique(requests, `${here}.requests`));
  for (const [index, request] of requests.entries())
    errors.push(...validateRequest(request, `${here}.requests[${index}]`));
  for (const [index, constraint] of constraints.entries()) {
    const field = `${here}.constraints[${index}]`;
    errors.push(...references(constraint.requests ?? [], names, `${field}.requests`));
    if (constraint.matchAttribute === undefined && constraint.distinctAttribute === undefined)
      errors.push(required(`${field}.matchAttribute`));
  }
  for (const [index, part] of config.entries()) {
    errors.push(...references(part.requests ?? [], names, `${here}.config[${index}].requests`));
    errors.push(...validateConfiguration(part, `${here}.config[${index}]`));
  }
  return errors;
}

function limited(count: number, most: number, field: string): FieldError[] {
  return count > most ? [tooMany(field, count, most)] : [];
}

function unique(items: readonly { readonly name: string }[], path: string): FieldError[] {
  return items.flatMap(({ name }, index) =>
    items.findIndex((other) => other.name === name) < index ? [duplicate(`${path}[${index}].name`, name)] : [],
  );
}

function references(given: readonly string[], names: ReadonlySet<string>, path: string): FieldError[] {
  return given.flatMap((name, index) => (names.has(name) ? [] : [invalid(`${path}[${index}]`, name, unknownRequest)]));
}

function validateRequest(request: DeepReadonly<DeviceRequest>, path: string): FieldError[] {
  const { name, exactly, firstAvailable = [] } = request;
  const errors = named(name, dnsLabelErrors, `${path}.name`);
  const words = "exactly one of `exactly` or `firstAvailable` is required";
  if (exactly === undefined && firstAvailable.length === 0) return [...errors, required(path, words)];
  if (exactly !== undefined && firstAvailable.length > 0) return [...errors, invalid(path, undefined, words)];
  if (exactly !== undefined) return [...errors, ...validateDevices(exactly, `${path}.exactly`)];
  errors.push(...limited(firstAvailable.length, mostAlternatives, `${path}.firstAvailable`));
  errors.push(...unique(firstAvailable, `${path}.firstAvailable`));
  for (const [index, part] of firstAvailable.entries()) {
    const here = `${path}.firstAvailable[${index}]`;
    errors.push(...named(part.name, dnsLabelErrors, `${here}.name`), ...validateDevices(part, here));
  }
  return errors;
}

function validateDevices(part: DeepReadonly<Omit<DeviceSubRequest, "name">>, path: string): FieldError[] {
  const { deviceClassName, selectors = [], allocationMode: mode = "", count = 0, tolerations = [] } = part;
  const errors = named(deviceClassName, dnsSubdomainErrors, `${path}.deviceClassName`);
  errors.push(...validateSelectors(selectors, `${path}.selectors`));
  if (mode === "All") {
    if (count !== 0) errors.push(invalid(`${path}.count`, count, "must not be specified when allocationMode is 'All'"));
  } else if (mode === "ExactCount") {
    if (count <= 0) errors.push(invalid(`${path}.count`, count, "must be greater than zero"));
  } else errors.push(notSupported(`${path}.allocationMode`, mode, ["All", "ExactCount"]));
  for (const [index, toleration] of tolerations.entries()) {
    const here = `${path}.tolerations[${index}]`;
    const operator: string = toleration.operator ?? "";
    const value = toleration.value ?? "";
    if (operator === "Exists") {
      if (value !== "") errors.push(invalid(`${here}.value`, value, "must be empty for operator `Exists`"));
    } else if (operator === "") errors.push(required(`${here}.operator`));
    else if (operator !== "Equal") errors.push(notSupported(`${here}.operator`, operator, ["Equal", "Exists"]));
    if ((toleration.key ?? "") === "" && operator !== "Exists") errors.push(required(`${here}.key`));
  }
  return errors;
}

function validateSelectors(selectors: readonly DeepReadonly<DeviceSelector>[], path: string): FieldError[] {
  return [
    ...limited(selectors.length, mostSelectors, path),
    ...selectors.flatMap(({ cel }, index) => {
      if (cel === undefined) return [required(`${path}[${index}].cel`)];
      return cel.expression.length > 10_240
        ? [fieldErrors.tooLong(`${path}[${index}].cel.expression`, "", 10_240)]
        : [];
    }),
  ];
}

function validateConfiguration({ opaque }: DeepReadonly<DeviceConfiguration>, path: string): FieldError[] {
  if (opaque === undefined) return [required(`${path}.opaque`)];
  const errors = named(opaque.driver, dnsSubdomainErrors, `${path}.opaque.driver`);
  const parameters: unknown = opaque.parameters;
  if (parameters === undefined || parameters === null) errors.push(required(`${path}.opaque.parameters`));
  else if (typeof parameters !== "object" || Array.isArray(parameters))
    errors.push(invalid(`${path}.opaque.parameters`, "<value omitted>", "must be a valid JSON object"));
  return errors;
}

function validateStatus(next: DeepReadonly<ResourceClaim>, old: DeepReadonly<ResourceClaim>): FieldError[] {
  const { reservedFor = [], allocation } = next.status ?? {};
  const path = "status.reservedFor";
  const errors = limited(reservedFor.length, mostConsumers, path);
  for (const [index, { resource, name, uid }] of reservedFor.entries()) {
    const here = `${path}[${index}]`;
    if (resource === "") errors.push(required(`${here}.resource`));
    if (name === "") errors.push(required(`${here}.name`));
    if (uid === "") errors.push(required(`${here}.uid`));
    if (reservedFor.findIndex((other) => other.uid === uid) < index) errors.push(duplicate(`${here}.uid`, uid));
  }
  if (reservedFor.length > 0 && allocation === undefined)
    errors.push(forbidden(path, "may not be specified when `allocated` is not set"));
  const had = new Set((old.status?.reservedFor ?? []).map(({ uid }) => uid));
  if (next.metadata.deletionTimestamp !== undefined && reservedFor.some(({ uid }) => !had.has(uid))) {
    const words = "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set";
    errors.push(forbidden(path, words));
  }
  const before = old.status?.allocation;
  return before !== undefined && allocation !== undefined
    ? [...errors, ...unchanged(allocation, before, "status.allocation")]
    : errors;
}

function validateClass(deviceClass: DeepReadonly<DeviceClass>): FieldError[] {
  const { selectors = [], config = [] } = deviceClass.spec;
  return [
    ...validateSelectors(selectors, "spec.selectors"),
    ...config.flatMap((part, index) => validateConfiguration(part, `spec.config[${index}]`)),
  ];
}

function validateTemplate(template: DeepReadonly<ResourceClaimTemplate>): FieldError[] {
  return [
    ...validateTemplateMetadata(template.spec.metadata ?? {}, "spec.metadata"),
    ...validateClaimSpec(template.spec.spec, "spec.spec"),
  ];
}

const fixedSpec = (
  next: DeepReadonly<ResourceClaim | ResourceClaimTemplate>,
  old: DeepReadonly<ResourceClaim | ResourceClaimTemplate>,
): FieldError[] => unchanged(next.spec, old.spec, "spec");

export const resourceRules: RuleTable = {
  "resource/v1.ResourceClaim": {
    ...withUpdate(validateClaim, fixedSpec),
    subresources: { status: validateStatus },
  },
  "resource/v1.ResourceClaimTemplate": withUpdate(validateTemplate, fixedSpec),
  "resource/v1.DeviceClass": { object: validateClass },
  "resource/v1.ResourceSlice": withUpdate(validateSlice, validateSliceUpdate),
};
