/** Defaults of priority classes. */
import type { PriorityClass } from "../types.ts";
import { fill } from "../../../fill.ts";

export function defaultPriorityClass(priorityClass: PriorityClass): void {
  fill(priorityClass, { preemptionPolicy: "PreemptLowerPriority" });
}
