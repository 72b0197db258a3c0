export { drawPlan, faultKinds, rateNames, reduced } from "./store/plan.ts";
export type { Fault, FaultKind, Plan, RateName, Rates, Reduction } from "./store/plan.ts";
export { runSeeds } from "./store/seeds.ts";
export type { SeedsOptions, Totals } from "./store/seeds.ts";
export { commandOf, shrink } from "./store/shrink.ts";
export type { Shrunk } from "./store/shrink.ts";
export { runStore } from "./store/simulation.ts";
export type { RunResult } from "./store/simulation.ts";
export { Violation } from "./store/violation.ts";
