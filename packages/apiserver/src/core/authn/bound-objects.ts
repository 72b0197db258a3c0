// Whether what a service-account token is bound to still stands: the account, and the pod, secret or node it was made for, each by
// uid, so that a token dies with them. As Kubernetes' `pkg/serviceaccount/claims.go`.
import { parseRfc3339 } from "@coxswain/clock";
import type { ApiObject } from "@coxswain/apimachinery";
import type { ServiceAccountClaims } from "@coxswain/pki";
import type { GroupResource, ObjectReader } from "../request.ts";

/** A pod that is being deleted may still use its token for this long after its deletion time. */
const deletionLeewayMs = 60_000;

/** Why the token is no longer good; undefined when it is. */
export async function brokenBinding(
  claims: ServiceAccountClaims,
  reader: ObjectReader,
  nowMs: number,
): Promise<string | undefined> {
  const bound = claims["kubernetes.io"];
  const { namespace } = bound;
  const account = await find(reader, "serviceaccounts", namespace, bound.serviceaccount);
  if (account === undefined) return "service account token has been invalidated";
  if (isDeleted(account, nowMs)) return `ServiceAccount ${namespace}/${bound.serviceaccount.name} has been deleted`;
  for (const [resource, what] of [
    ["pods", bound.pod],
    ["secrets", bound.secret],
  ] as const) {
    if (what === undefined) continue;
    const object = await find(reader, resource, namespace, what);
    if (object === undefined || isDeleted(object, nowMs)) return "service account token has been invalidated";
  }
  // A pod's token also names its node, for information; only a token bound to nothing but a node depends on it.
  if (bound.node?.uid !== undefined && bound.pod === undefined) {
    const node = await find(reader, "nodes", "", { name: bound.node.name, uid: bound.node.uid });
    if (node === undefined || isDeleted(node, nowMs)) return "service account token has been invalidated";
  }
  return undefined;
}

/** From memory when it is there with that uid, else from the store, for what was created a moment ago. Secrets are not kept in memory for this. */
async function find(
  reader: ObjectReader,
  name: string,
  namespace: string,
  what: { name: string; uid: string },
): Promise<ApiObject | undefined> {
  const resource: GroupResource = { group: "", resource: name };
  const known = name === "secrets" ? undefined : reader.view(resource).get(namespace, what.name);
  if (known?.metadata.uid === what.uid) return known;
  const stored = await reader.read(resource, namespace, what.name);
  return stored?.metadata.uid === what.uid ? stored : undefined;
}

function isDeleted(object: ApiObject, nowMs: number): boolean {
  const at = object.metadata.deletionTimestamp;
  const ms = at === undefined ? undefined : parseRfc3339(at);
  return ms !== undefined && ms + deletionLeewayMs < nowMs;
}
