/** What field selectors may ask of each kind, as in Kubernetes. Name and namespace are known of every object. */
import type { ApiObject, DeepReadonly, GroupVersionKind } from "@coxswain/apimachinery";
import { schemaName } from "./scheme.ts";

const eventPaths = {
  ...same(
    "involvedObject.kind involvedObject.namespace involvedObject.name involvedObject.uid involvedObject.apiVersion involvedObject.resourceVersion involvedObject.fieldPath reason reportingComponent type",
  ),
  source: "source.component reportingComponent",
};

const paths: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "core/v1.Pod": {
    ...same(
      "spec.nodeName spec.restartPolicy spec.schedulerName spec.serviceAccountName spec.hostNetwork status.phase status.podIP status.podIPs status.nominatedNodeName",
    ),
    "spec.host": "spec.nodeName",
  },
  "core/v1.Event": eventPaths,
  "events/v1.Event": eventPaths,
  "core/v1.Node": same("spec.unschedulable"),
  "core/v1.Namespace": same("status.phase"),
  "core/v1.Secret": same("type"),
  "core/v1.Service": same("spec.clusterIP spec.type"),
  "core/v1.ReplicationController": same("status.replicas"),
  "apps/v1.ReplicaSet": same("status.replicas"),
  "batch/v1.Job": { ...same("status.successful"), "status.successful": "status.succeeded" },
  "certificates/v1.CertificateSigningRequest": same("spec.signerName"),
  "resource/v1.ResourceSlice": same("spec.nodeName spec.driver"),
};

/** Of kinds that are kept in another kind's form: the fields that selectors may name, and what they are called there. */
const keptNames: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "events/v1.Event": {
    ...same("reason type"),
    reportingController: "reportingComponent",
    ...Object.fromEntries(
      ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"].map((name) => [
        `regarding.${name}`,
        `involvedObject.${name}`,
      ]),
    ),
  },
};

const falsy = new Set(["spec.unschedulable", "spec.hostNetwork"]);
const counts = new Set(["status.replicas", "status.successful"]);

/** What is wrong with a field selector that names this field; undefined where it may. */
export function fieldLabelError(type: GroupVersionKind, field: string): string | undefined {
  const name = schemaName(type) ?? "";
  // Of requests for certificates Kubernetes lists what it knows, and this is not in the list.
  const hasNamespaces = name !== "certificates/v1.CertificateSigningRequest";
  if (field === "metadata.name" || (field === "metadata.namespace" && hasNamespaces)) return undefined;
  if (Object.hasOwn(keptNames[name] ?? paths[name] ?? {}, field)) return undefined;
  if (name === "batch/v1.Job") return `field label ${JSON.stringify(field)} not supported for Job`;
  if (name === "resource/v1.ResourceSlice")
    return `field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: ${field}`;
  return paths[name]
    ? `field label not supported: ${field}`
    : `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`;
}

/** The name, among `selectableFields`, of a field that a selector may name. */
export function keptFieldLabel(type: GroupVersionKind, field: string): string {
  return keptNames[schemaName(type) ?? ""]?.[field] ?? field;
}

/** The selectable fields of one object, in the form and by the names it is kept in, as texts. */
export function selectableFields(type: GroupVersionKind, object: DeepReadonly<ApiObject>): Record<string, string> {
  const result: Record<string, string> = {
    "metadata.name": object.metadata.name,
    "metadata.namespace": object.metadata.namespace ?? "",
  };
  for (const { field, ways } of waysOf(schemaName(type) ?? "")) result[field] = textAt(object, field, ways);
  return result;
}

/** A field, and the members that lead to it; the first way that leads to something counts. */
interface Selectable {
  readonly field: string;
  readonly ways: readonly (readonly string[])[];
}
const taken = new Map<string, readonly Selectable[]>();

/** Every object that changes is looked at: its paths are taken apart once. */
function waysOf(name: string): readonly Selectable[] {
  let known = taken.get(name);
  if (!known) {
    known = Object.entries(paths[name] ?? {}).map(([field, path]) => ({
      field,
      ways: path.split(" ").map((way) => way.split(".")),
    }));
    taken.set(name, known);
  }
  return known;
}

function textAt(object: unknown, field: string, ways: Selectable["ways"]): string {
  for (const way of ways) {
    let value: unknown = object;
    for (const part of way)
      value = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[part] : undefined;
    if (value === undefined || value === null || value === "") continue;
    if (field === "status.podIPs" && Array.isArray(value))
      return value.map((item: { ip?: string }) => item.ip ?? "").join(",");
    return typeof value === "object" ? "" : String(value as string | number | boolean);
  }
  return falsy.has(field) ? "false" : counts.has(field) ? "0" : "";
}

function same(names: string): Record<string, string> {
  return Object.fromEntries(names.split(" ").map((name) => [name, name]));
}
