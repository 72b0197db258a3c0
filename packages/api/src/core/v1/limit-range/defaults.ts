/** Defaults of limit ranges: limits from the maximum, requests from limits, then from the minimum. */
import type { LimitRange } from "../types.ts";
import { roundResources } from "../resource-list.ts";

export function defaultLimitRange(range: LimitRange): void {
  for (const item of range.spec?.limits ?? []) {
    roundResources(item, ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"]);
    if (item.type !== "Container") continue;
    item.default = { ...item.max, ...item.default };
    item.defaultRequest = { ...item.min, ...item.default, ...item.defaultRequest };
    if (Object.keys(item.default).length === 0) delete item.default;
    if (Object.keys(item.defaultRequest).length === 0) delete item.defaultRequest;
  }
}
