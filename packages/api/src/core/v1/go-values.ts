/**
 * Structures as Kubernetes shows them in messages: by the names, in the order and with the unset members of its internal types in Go, which differ
 * from JSON's.
 */
import { type DeepReadonly, GoValue } from "@coxswain/apimachinery";
import type { SecurityContext } from "./types.ts";

/** Name in Go, name in JSON, and what stands for an absent member, or the shape of one that is there. */
type Member = readonly [go: string, json: string, unset?: unknown, shape?: Shape];
type Shape = readonly Member[];

const texts = (names: string): Shape =>
  names.split(" ").map((name) => [name, name.charAt(0).toLowerCase() + name.slice(1), ""]);

const profile: Shape = [
  ["Type", "type", ""],
  ["LocalhostProfile", "localhostProfile"],
];
const requirements: Shape = [...texts("Key Operator"), ["Values", "values"]];
const terms: Shape = [
  ["MatchExpressions", "matchExpressions", null, requirements],
  ["MatchFields", "matchFields", null, requirements],
];
const options: Shape = [
  ["GMSACredentialSpecName", "gmsaCredentialSpecName"],
  ["GMSACredentialSpec", "gmsaCredentialSpec"],
  ["RunAsUserName", "runAsUserName"],
  ["HostProcess", "hostProcess"],
];
const securityContext: Shape = [
  [
    "Capabilities",
    "capabilities",
    null,
    [
      ["Add", "add"],
      ["Drop", "drop"],
    ],
  ],
  ["Privileged", "privileged"],
  ["SELinuxOptions", "seLinuxOptions", null, texts("User Role Type Level")],
  ["WindowsOptions", "windowsOptions", null, options],
  ["RunAsUser", "runAsUser"],
  ["RunAsGroup", "runAsGroup"],
  ["RunAsNonRoot", "runAsNonRoot"],
  ["ReadOnlyRootFilesystem", "readOnlyRootFilesystem"],
  ["AllowPrivilegeEscalation", "allowPrivilegeEscalation"],
  ["ProcMount", "procMount"],
  ["SeccompProfile", "seccompProfile", null, profile],
  ["AppArmorProfile", "appArmorProfile", null, profile],
];

const shapes = {
  address: texts("Type Address"),
  claim: [
    ["Name", "name", ""],
    ["ResourceClaimName", "resourceClaimName"],
    ["ResourceClaimTemplateName", "resourceClaimTemplateName"],
  ],
  ip: [["IP", "ip", ""]],
  nodeTerm: terms,
  profile,
  scopeSelector: [
    ["MatchExpressions", "matchExpressions", null, [...texts("ScopeName Operator"), ["Values", "values"]]],
  ],
  taint: [...texts("Key Value Effect"), ["TimeAdded", "timeAdded"]],
  volumeAffinity: [["Required", "required", null, [["NodeSelectorTerms", "nodeSelectorTerms", null, terms]]]],
} satisfies Readonly<Record<string, Shape>>;

/** A structure, a list of them, or null for what is not there. */
export function goValue(shape: keyof typeof shapes, value: unknown): GoValue {
  return new GoValue(JSON.stringify(shown(shapes[shape], value)));
}

export function goSecurityContext(context: DeepReadonly<SecurityContext>): GoValue {
  return new GoValue(JSON.stringify(shown(securityContext, context)));
}

function shown(shape: Shape, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => shown(shape, item));
  if (typeof value !== "object" || value === null) return null;
  const members = value as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    shape.map(([go, json, unset = null, inner]) => {
      const member = members[json];
      return [go, member === undefined ? unset : inner === undefined ? member : shown(inner, member)];
    }),
  );
}
