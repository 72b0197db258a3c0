// All scenarios of the crash-point enumeration.
import type { Scenario } from "../scenario.ts";
import { batch } from "./batch.ts";
import { ends } from "./ends.ts";
import { workloads } from "./workloads.ts";

export const scenarios: readonly Scenario[] = [...workloads, ...batch, ...ends];
