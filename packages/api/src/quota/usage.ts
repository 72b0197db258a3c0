/**
 * What an object counts for, under which names of a quota. Admission asks it for one object, the quota controller for all of a namespace:
 * both must agree to the byte. After Kubernetes' `pkg/quota/v1/evaluator`.
 */
import type { ApiObject, DeepReadonly } from "@coxswain/apimachinery";
import type { PersistentVolumeClaim, Pod, ResourceQuota, Service } from "../core/v1/index.ts";
import type { Amounts } from "./amounts.ts";
import { isPodResource, missingFromPod, podUsage } from "./pod-usage.ts";
import { hasScopes, scopesMatchClaim, scopesMatchPod } from "./scopes.ts";

export interface CountedResource {
  readonly group: string;
  readonly resource: string;
}

type ReadonlyObject = DeepReadonly<ApiObject>;

/** Counted under their bare name, too, from before `count/` existed. */
const barelyCounted = [
  "configmaps",
  "secrets",
  "replicationcontrollers",
  "resourcequotas",
  "services",
  "persistentvolumeclaims",
];
const storageClassInfix = ".storageclass.storage.k8s.io/";

/** `count/deployments.apps`; of the core group `count/pods`. */
export function countName({ group, resource }: CountedResource): string {
  return group === "" ? `count/${resource}` : `count/${resource}.${group}`;
}

/** The amounts of one object by the names that quotas know. `nowMs` decides whether a deleted pod still counts. */
export function usageOf(resource: CountedResource, object: ReadonlyObject, nowMs: number): Amounts {
  const counted = { [countName(resource)]: "1" };
  if (resource.group !== "") return counted;
  switch (resource.resource) {
    case "pods":
      return podUsage(object as DeepReadonly<Pod>, nowMs);
    case "services":
      return { ...counted, ...serviceUsage(object as DeepReadonly<Service>) };
    case "persistentvolumeclaims":
      return { ...counted, ...claimUsage(object as DeepReadonly<PersistentVolumeClaim>) };
    default:
      return barelyCounted.includes(resource.resource) ? { ...counted, [resource.resource]: "1" } : counted;
  }
}

/** Whether the quota is about this object, by its scopes. */
export function quotaMatches(
  quota: DeepReadonly<ResourceQuota>,
  resource: CountedResource,
  object: ReadonlyObject,
): boolean {
  if (resource.group === "" && resource.resource === "pods") return scopesMatchPod(quota, object as DeepReadonly<Pod>);
  if (resource.group === "" && resource.resource === "persistentvolumeclaims")
    return scopesMatchClaim(quota, object as DeepReadonly<PersistentVolumeClaim>);
  return !hasScopes(quota);
}

/** Those of a quota's names that objects of the resource count for. */
export function namesFor(resource: CountedResource, names: readonly string[]): readonly string[] {
  return names.filter((name) => concerns(resource, name));
}

/** Why the object cannot be counted ("must specify limits.cpu for: web"); undefined when it can. */
export function uncountable(
  resource: CountedResource,
  object: ReadonlyObject,
  limited: readonly string[],
): string | undefined {
  return resource.group === "" && resource.resource === "pods"
    ? missingFromPod(object as DeepReadonly<Pod>, limited)
    : undefined;
}

/** The resource whose objects a quota's name counts; undefined for a name that means nothing to us. */
export function resourceOf(name: string): CountedResource | undefined {
  if (name.startsWith("count/")) {
    const [resource = "", ...group] = name.slice("count/".length).split(".");
    return { group: group.join("."), resource };
  }
  if (name === "services" || name.startsWith("services.")) return { group: "", resource: "services" };
  if (name === "requests.storage" || name.includes(storageClassInfix))
    return { group: "", resource: "persistentvolumeclaims" };
  if (barelyCounted.includes(name)) return { group: "", resource: name };
  return isPodResource(name) ? { group: "", resource: "pods" } : undefined;
}

function concerns(resource: CountedResource, name: string): boolean {
  const counted = resourceOf(name);
  return counted?.resource === resource.resource && counted.group === resource.group;
}

function serviceUsage({ spec }: DeepReadonly<Service>): Amounts {
  const ports = spec?.ports ?? [];
  const isBalanced = spec?.type === "LoadBalancer";
  const nodePorts =
    spec?.type === "NodePort" || (isBalanced && spec?.allocateLoadBalancerNodePorts !== false)
      ? ports.length
      : isBalanced
        ? ports.filter((port) => (port.nodePort ?? 0) !== 0).length
        : 0;
  return {
    services: "1",
    "services.nodeports": String(nodePorts),
    "services.loadbalancers": isBalanced ? "1" : "0",
  };
}

function claimUsage(claim: DeepReadonly<PersistentVolumeClaim>): Amounts {
  const className =
    claim.metadata.annotations?.["volume.beta.kubernetes.io/storage-class"] ?? claim.spec?.storageClassName ?? "";
  const asked = claim.spec?.resources?.requests?.["storage"];
  const perClass = className === "" ? undefined : `${className}${storageClassInfix}`;
  return {
    persistentvolumeclaims: "1",
    ...(perClass === undefined ? {} : { [`${perClass}persistentvolumeclaims`]: "1" }),
    ...(asked === undefined ? {} : { "requests.storage": String(asked) }),
    ...(asked === undefined || perClass === undefined ? {} : { [`${perClass}requests.storage`]: String(asked) }),
  };
}
