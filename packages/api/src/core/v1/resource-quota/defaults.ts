/** Defaults of resource quotas: only their amounts are rounded. */
import type { ResourceQuota } from "../types.ts";
import { roundResources } from "../resource-list.ts";

export function defaultResourceQuota(quota: ResourceQuota): void {
  roundResources(quota.spec, ["hard"]);
  roundResources(quota.status, ["hard", "used"]);
}
