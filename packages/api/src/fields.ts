/** What field selectors may ask of each kind, as in Kubernetes. Name and namespace are known of every object. */
import type { ApiObject, DeepReadonly, GroupVersionKind } from "@coxswain/apimachinery";
import { schemaName } from "./scheme.ts";

const paths: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "core/v1.Pod": same(
    "spec.nodeName spec.restartPolicy spec.schedulerName spec.serviceAccountName spec.hostNetwork status.phase status.podIP status.podIPs status.nominatedNodeName",
  ),
  "core/v1.Event": {
    ...same(
      "involvedObject.kind involvedObject.namespace involvedObject.name involvedObject.uid involvedObject.apiVersion involvedObject.resourceVersion involvedObject.fieldPath reason reportingComponent type",
    ),
    source: "source.component",
  },
  "events/v1.Event": {
    ...same("reason reportingController type"),
    ...Object.fromEntries(
      ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"].map((name) => [
        `regarding.${name}`,
        `regarding.${name}`,
      ]),
    ),
  },
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

const falsy = new Set(["spec.unschedulable", "spec.hostNetwork"]);
const counts = new Set(["status.replicas", "status.successful"]);

/** Whether a field selector may name this field of the kind; otherwise the answer is `field label not supported: NAME`. */
export function isSelectableField(type: GroupVersionKind, field: string): boolean {
  if (field === "metadata.name" || field === "metadata.namespace") return true;
  return Object.hasOwn(paths[schemaName(type) ?? ""] ?? {}, field);
}

/** The selectable fields of one object as texts. */
export function selectableFields(type: GroupVersionKind, object: DeepReadonly<ApiObject>): Record<string, string> {
  const result: Record<string, string> = {
    "metadata.name": object.metadata.name,
    "metadata.namespace": object.metadata.namespace ?? "",
  };
  for (const [field, path] of Object.entries(paths[schemaName(type) ?? ""] ?? {}))
    result[field] = textAt(object, field, path);
  return result;
}

function textAt(object: unknown, field: string, path: string): string {
  let value: unknown = object;
  for (const part of path.split("."))
    value = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[part] : undefined;
  if (value === undefined || value === null) return falsy.has(field) ? "false" : counts.has(field) ? "0" : "";
  if (field === "status.podIPs" && Array.isArray(value))
    return value.map((item: { ip?: string }) => item.ip ?? "").join(",");
  return typeof value === "object" ? "" : String(value as string | number | boolean);
}

function same(names: string): Record<string, string> {
  return Object.fromEntries(names.split(" ").map((name) => [name, name]));
}
