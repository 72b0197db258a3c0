// The door of the scheduler: its assembly, and the decision that its debug endpoint serves.
export { createScheduler } from "./scheduler.ts";
export type { SchedulerPorts } from "./scheduler.ts";
export type { SchedulerConfig } from "./config.ts";
export type { Decision } from "./core/explain.ts";
export type { RejectedNode, ScoredNode } from "./core/cycle.ts";
