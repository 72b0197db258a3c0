/** Numbers that may also be names or percentages, such as a port or maxUnavailable. */
import type { IntOrString } from "./meta.ts";

/** The amount that a count or percentage of `total` means. A text that is no percentage gives undefined. */
export function scaledAmount(value: IntOrString, total: number, rounding: "up" | "down"): number | undefined {
  if (typeof value === "number") return value;
  const match = /^(-?\d+)%$/.exec(value);
  if (match === null) return undefined;
  const share = (Number(match[1]) * total) / 100;
  return rounding === "up" ? Math.ceil(share) : Math.floor(share);
}

export function isPercentage(value: IntOrString): value is string {
  return typeof value === "string" && /^[0-9]+%$/.test(value);
}
