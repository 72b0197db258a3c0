// What a quota's status should say: its limits, and the sum of what counts for them now.
import type { ResourceQuota, ResourceQuotaStatus } from "@coxswain/api/core/v1";
import { addAmounts, amountsIn, maskAmounts, namesFor, quotaMatches, resourceOf, usageOf } from "@coxswain/api/quota";
import type { Amounts, CountedResource } from "@coxswain/api/quota";
import type { ApiObject, DeepReadonly } from "@coxswain/apimachinery";

/** The kinds of object that the quota's limits count, each once. */
export function countedBy(quota: DeepReadonly<ResourceQuota>): readonly CountedResource[] {
  const counted = new Map<string, CountedResource>();
  for (const name of Object.keys(quota.spec?.hard ?? {})) {
    const resource = resourceOf(name);
    if (resource !== undefined) counted.set(`${resource.group}/${resource.resource}`, resource);
  }
  return [...counted.values()];
}

/** `objectsOf` answers all objects of the quota's namespace, or undefined for a resource that nobody serves. */
export function quotaStatus(
  quota: DeepReadonly<ResourceQuota>,
  objectsOf: (resource: CountedResource) => readonly DeepReadonly<ApiObject>[] | undefined,
  nowMs: number,
): ResourceQuotaStatus {
  const hard = amountsIn(quota.spec?.hard);
  let used: Amounts = maskAmounts(amountsIn(quota.status?.used), Object.keys(hard));
  for (const resource of countedBy(quota)) {
    const objects = objectsOf(resource);
    if (objects === undefined) continue;
    const names = namesFor(resource, Object.keys(hard));
    let sum: Amounts = Object.fromEntries(names.map((name) => [name, "0"]));
    for (const object of objects)
      if (quotaMatches(quota, resource, object))
        sum = addAmounts(sum, maskAmounts(usageOf(resource, object, nowMs), names));
    used = { ...used, ...sum };
  }
  return { hard, used };
}
