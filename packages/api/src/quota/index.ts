/** The door of quotas: what objects count for and which quota is about them. Admission and the quota controller share it. */
export type { Amounts } from "./amounts.ts";
export { addAmounts, amountsIn, describeAmounts, exceeding, maskAmounts, subtractAmounts } from "./amounts.ts";
export type { CountedResource } from "./usage.ts";
export { countName, namesFor, quotaMatches, resourceOf, uncountable, usageOf } from "./usage.ts";
