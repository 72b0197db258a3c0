export { drawPlan, faultKinds, rateNames, reduced } from "./store/plan.ts";
export type { Fault, FaultKind, Plan, RateName, Rates, Reduction } from "./store/plan.ts";
export { runStore } from "./store/simulation.ts";
export type { RunResult } from "./store/simulation.ts";
export { Violation } from "./store/violation.ts";
