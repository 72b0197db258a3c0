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
  CustomResourceDefinitionVersion,
} from "../types.ts";
import { versionErrors } from "./versions.ts";

const { forbidden, invalid, required } = fieldErrors;
const scopes = ["Cluster", "Namespaced"];

export function validateCustomResourceDefinition(next: DeepReadonly<CustomResourceDefinition>): FieldError[] {
  return [...validateDefinition(next), ...validateApproval(next)];
}

function validateDefinition(
  { metadata, spec }: DeepReadonly<CustomResourceDefinition>,
  old?: DeepReadonly<CustomResourceDefinition>,
): FieldError[] {
  const named =
    metadata.name === `${spec.names.plural}.${spec.group}`
      ? []
      : [invalid("metadata.name", metadata.name, 'must be spec.names.plural+"."+spec.group')];
  return [
    ...named,
    ...validateGroup(spec.group),
    ...oneOf(spec.scope, scopes, "spec.scope"),
    ...(spec.preserveUnknownFields === true && old?.spec.preserveUnknownFields !== true
      ? [invalid("spec.preserveUnknownFields", true, preserving)]
      : []),
    ...validateVersions(spec),
    ...versionErrors(spec, old?.spec),
    ...(["plural", "singular", "kind", "listKind"] as const).flatMap((name) =>
      spec.names[name] ? [] : [required(`spec.names.${name}`)],
    ),
    ...validateNames(spec.names, "spec.names"),
    ...validateConversion(spec.conversion, "spec.conversion"),
  ];
}

const preserving =
  "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
const approval = "api-approved.kubernetes.io";

/** Groups under Kubernetes' own domains say who has approved them. */
function validateApproval({ metadata, spec }: DeepReadonly<CustomResourceDefinition>): FieldError[] {
  if (!/(?:^|\.)(?:k8s|kubernetes)\.io$/.test(spec.group)) return [];
  const given = metadata.annotations?.[approval] ?? "";
  const path = `metadata.annotations[${approval}]`;
  const words = `protected groups must have approval annotation "${approval}"`;
  const where = "see https://github.com/kubernetes/enhancements/pull/1111";
  if (given === "") return [required(path, `${words}, ${where}`)];
  if (given.startsWith("unapproved") || /^[a-z][a-z0-9+.-]*:\/\/[^/]/i.test(given)) return [];
  return [invalid(path, given, `${words} with either a URL or a reason starting with "unapproved", ${where}`)];
}

/** What cannot change once objects of the kind may exist. */
export function validateCustomResourceDefinitionUpdate(
  next: DeepReadonly<CustomResourceDefinition>,
  old: DeepReadonly<CustomResourceDefinition>,
): FieldError[] {
  const errors = validateDefinition(next, old);
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
    served && !schema?.openAPIV3Schema ? [required(`${at(index)}.schema.openAPIV3Schema`)] : [],
  );
  for (const [index, { name }] of versions.entries()) errors.push(...label(name, `${at(index)}.name`));
  // The first is also the version of Kubernetes' own form.
  if (versions[0] && versions[0].name !== "") errors.push(...label(versions[0].name, "spec.version"));
  const shown = versions.map(shownVersion);
  if (new Set(versions.map(({ name }) => name)).size < versions.length)
    errors.push(invalid("spec.versions", shown, "must contain unique version names"));
  const stored = versions.filter(({ storage }) => storage).length;
  if (stored !== 1)
    errors.push(invalid("spec.versions", shown, "must have exactly one version marked as storage version"));
  if (stored === 0) errors.push(invalid("status.storedVersions", null, "must have at least one stored version"));
  return errors;
}

/** As Kubernetes shows a version in messages: what versions have in common does not stand in them. */
function shownVersion(version: DeepReadonly<CustomResourceDefinitionVersion>): object {
  const { name, served, storage, deprecated = false, deprecationWarning = null } = version;
  return {
    Name: name,
    Served: served,
    Storage: storage,
    Deprecated: deprecated,
    DeprecationWarning: deprecationWarning,
    Schema: null,
    Subresources: null,
    AdditionalPrinterColumns: null,
    SelectableFields: null,
  };
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
