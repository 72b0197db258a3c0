/** The one group whose Go types are in no package that the facts come from: apiregistration.k8s.io/v1, written down in the same form. */
import type { GoField, GoType } from "./facts.ts";

const pkg = "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1";
const imports = { metav1: "k8s.io/apimachinery/pkg/apis/meta/v1" };

export const aggregationTypes: Record<string, GoType> = {
  ...struct("APIService", [
    { go: "TypeMeta", type: "metav1.TypeMeta", json: "", inline: true },
    field("metadata", "metav1.ObjectMeta", 1),
    field("spec", "APIServiceSpec", 2),
    field("status", "APIServiceStatus", 3),
  ]),
  ...struct("APIServiceList", [
    { go: "TypeMeta", type: "metav1.TypeMeta", json: "", inline: true },
    field("metadata", "metav1.ListMeta", 1),
    { go: "Items", type: "[]APIService", json: "items", num: 2 },
  ]),
  ...struct("APIServiceSpec", [
    field("service", "*ServiceReference", 1),
    field("group", "string", 2),
    field("version", "string", 3),
    field("insecureSkipTLSVerify", "bool", 4),
    { ...field("caBundle", "[]byte", 5), mk: { optional: true, listType: "atomic" } },
    { go: "GroupPriorityMinimum", type: "int32", json: "groupPriorityMinimum", num: 7 },
    { go: "VersionPriority", type: "int32", json: "versionPriority", num: 8 },
  ]),
  ...struct("ServiceReference", [
    field("namespace", "string", 1),
    field("name", "string", 2),
    field("port", "*int32", 3),
  ]),
  ...struct("APIServiceStatus", [
    {
      ...field("conditions", "[]APIServiceCondition", 1),
      patchStrategy: "merge",
      patchMergeKey: "type",
      mk: { optional: true, listType: "map", listMapKey: "type" },
    },
  ]),
  ...struct("APIServiceCondition", [
    { go: "Type", type: "string", json: "type", num: 1 },
    { go: "Status", type: "string", json: "status", num: 2 },
    field("lastTransitionTime", "metav1.Time", 3),
    field("reason", "string", 4),
    field("message", "string", 5),
  ]),
};

function struct(name: string, fields: GoField[]): Record<string, GoType> {
  return { [`${pkg}.${name}`]: { kind: "struct", pkg, imports, fields } };
}

function field(json: string, type: string, num: number): GoField {
  return { go: json, type, json, omit: true, num, mk: { optional: true } };
}
