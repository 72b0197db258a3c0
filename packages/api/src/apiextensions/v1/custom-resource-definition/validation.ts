/** Rules of custom resource definitions: group, scope, names, versions, and that every value in a schema has a type. */
import {
  type DeepReadonly,
  dns1035LabelErrors,
  dnsSubdomainErrors,
  type FieldError,
  fieldErrors,
} from "@coxswain/apimachinery";
import { oneOf } from "../../../validation/values.ts";
import { unchanged } from "../../../validation/metadata.ts";
import { validateClient } from "../../../admissionregistration/v1/webhook-configuration/validation.ts";
import type {
  CustomResourceConversion,
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionSpec,
  JSONSchemaProps,
} from "../types.ts";

const { forbidden, invalid, required } = fieldErrors;
const scopes = ["Cluster", "Namespaced"];

export function validateCustomResourceDefinition({
  metadata,
  spec,
}: DeepReadonly<CustomResourceDefinition>): FieldError[] {
  const named =
    metadata.name === `${spec.names.plural}.${spec.group}`
      ? []
      : [invalid("metadata.name", metadata.name, 'must be spec.names.plural+"."+spec.group')];
  return [
    ...named,
    ...validateGroup(spec.group),
    ...oneOf(spec.scope, scopes, "spec.scope"),
    ...validateVersions(spec),
    ...(["plural", "singular", "kind", "listKind"] as const).flatMap((name) =>
      spec.names[name] ? [] : [required(`spec.names.${name}`)],
    ),
    ...validateNames(spec.names, "spec.names"),
    ...validateConversion(spec.conversion, "spec.conversion"),
  ];
}

/** What cannot change once objects of the kind may exist. */
export function validateCustomResourceDefinitionUpdate(
  next: DeepReadonly<CustomResourceDefinition>,
  old: DeepReadonly<CustomResourceDefinition>,
): FieldError[] {
  const errors = validateCustomResourceDefinition(next);
  const isEstablished = old.status?.conditions?.some(({ type, status }) => type === "Established" && status === "True");
  if (isEstablished)
    errors.push(
      ...unchanged(next.spec.scope, old.spec.scope, "spec.scope"),
      ...unchanged(next.spec.names.kind, old.spec.names.kind, "spec.names.kind"),
    );
  return [
    ...errors,
    ...unchanged(next.spec.group, old.spec.group, "spec.group"),
    ...unchanged(next.spec.names.plural, old.spec.names.plural, "spec.names.plural"),
  ];
}

function validateGroup(group: string): FieldError[] {
  if (group === "") return [required("spec.group")];
  const errors = dnsSubdomainErrors(group);
  if (errors.length > 0) return [invalid("spec.group", group, errors.join(","))];
  return group.includes(".") ? [] : [invalid("spec.group", group, "should be a domain with at least one dot")];
}

function validateVersions({ versions }: DeepReadonly<CustomResourceDefinitionSpec>): FieldError[] {
  const at = (index: number): string => `spec.versions[${index}]`;
  const errors = versions.flatMap(({ served, schema }, index) =>
    served && !schema?.openAPIV3Schema ? [required(`${at(index)}.schema.openAPIV3Schema`, "schemas are required")] : [],
  );
  for (const [index, { name, schema }] of versions.entries()) {
    errors.push(...label(name, `${at(index)}.name`));
    const root = schema?.openAPIV3Schema;
    if (root) errors.push(...validateRoot(root, `${at(index)}.schema.openAPIV3Schema`));
  }
  const shown = versions.map(({ name }) => name).join(" ");
  if (new Set(versions.map(({ name }) => name)).size < versions.length)
    errors.push(invalid("spec.versions", shown, "must contain unique version names"));
  if (versions.filter(({ storage }) => storage).length !== 1)
    errors.push(invalid("spec.versions", shown, "must have exactly one version marked as storage version"));
  return errors;
}

function validateRoot(root: DeepReadonly<JSONSchemaProps>, path: string): FieldError[] {
  if (!root.type) return [required(`${path}.type`, "must not be empty at the root"), ...membersHaveTypes(root, path)];
  const isObject = root.type === "object" ? [] : [invalid(`${path}.type`, root.type, "must be object at the root")];
  return [...isObject, ...membersHaveTypes(root, path)];
}

/** A schema is structural: what it describes has a type, or says that it may be anything. */
function membersHaveTypes(schema: DeepReadonly<JSONSchemaProps>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const check = (part: DeepReadonly<JSONSchemaProps>, at: string, words: string): void => {
    const isFree = part["x-kubernetes-int-or-string"] === true || part["x-kubernetes-preserve-unknown-fields"] === true;
    if (!part.type && !isFree) errors.push(required(`${at}.type`, words));
    errors.push(...membersHaveTypes(part, at));
  };
  for (const [name, part] of Object.entries(schema.properties ?? {}))
    check(part, `${path}.properties[${name}]`, "must not be empty for specified object fields");
  const { items, additionalProperties } = schema;
  if (isSchema(items)) check(items, `${path}.items`, "must not be empty for specified array items");
  if (isSchema(additionalProperties))
    check(additionalProperties, `${path}.additionalProperties`, "must not be empty for specified object fields");
  return errors;
}

function isSchema(part: unknown): part is DeepReadonly<JSONSchemaProps> {
  return typeof part === "object" && part !== null && !Array.isArray(part);
}

/** Paths are those of the form that Kubernetes validates, in which a webhook's members stand one level higher. */
function validateConversion(
  conversion: DeepReadonly<CustomResourceConversion> | undefined,
  path: string,
): FieldError[] {
  if (conversion === undefined) return [];
  const { strategy, webhook } = conversion;
  const errors = oneOf(strategy, ["None", "Webhook"], `${path}.strategy`);
  const [client, versions] = [`${path}.webhookClientConfig`, `${path}.conversionReviewVersions`];
  if (strategy !== "Webhook") {
    const words = "should not be set when strategy is not set to Webhook";
    if (webhook?.clientConfig !== undefined) errors.push(forbidden(client, words));
    if (webhook?.conversionReviewVersions?.length) errors.push(forbidden(versions, words));
    return errors;
  }
  if (webhook?.clientConfig === undefined) errors.push(required(client, "required when strategy is set to Webhook"));
  else errors.push(...validateClient(webhook.clientConfig, client));
  return [...errors, ...validateReviewVersions(webhook?.conversionReviewVersions ?? [], versions)];
}

const reviewVersions = ["v1", "v1beta1"];

function validateReviewVersions(given: readonly string[], path: string): FieldError[] {
  if (given.length === 0) return [required(path)];
  const errors = given.flatMap((version, index) =>
    given.indexOf(version) < index
      ? [invalid(`${path}[${index}]`, version, "duplicate version")]
      : label(version, `${path}[${index}]`),
  );
  if (given.some((version) => reviewVersions.includes(version))) return errors;
  return [...errors, invalid(path, given, `must include at least one of ${reviewVersions.join(", ")}`)];
}

function validateNames(names: DeepReadonly<CustomResourceDefinitionNames>, path: string): FieldError[] {
  const { plural, singular = "", kind, listKind = "", shortNames = [], categories = [] } = names;
  const mixed = (text: string, at: string): FieldError[] => {
    const errors = text === "" ? [] : dns1035LabelErrors(text.toLowerCase());
    if (errors.length === 0) return [];
    return [invalid(at, text, `may have mixed case, but should otherwise match: ${errors.join(",")}`)];
  };
  return [
    ...(plural === "" ? [] : label(plural, `${path}.plural`)),
    ...(singular === "" ? [] : label(singular, `${path}.singular`)),
    ...mixed(kind, `${path}.kind`),
    ...mixed(listKind, `${path}.listKind`),
    ...shortNames.flatMap((name, index) => label(name, `${path}.shortNames[${index}]`)),
    ...(kind !== "" && kind === listKind
      ? [invalid(`${path}.listKind`, listKind, "kind and listKind may not be the same")]
      : []),
    ...categories.flatMap((name, index) => label(name, `${path}.categories[${index}]`)),
  ];
}

function label(text: string, path: string): FieldError[] {
  const errors = dns1035LabelErrors(text);
  return errors.length === 0 ? [] : [invalid(path, text, errors.join(","))];
}
