// All scenarios of the crash-point enumeration.
import type { Scenario } from "../scenario.ts";
import { workloads } from "./workloads.ts";

export const scenarios: readonly Scenario[] = [...workloads];
