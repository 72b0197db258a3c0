// The door of the scheduler: its assembly, what a plugin is, and the decision that its debug endpoint serves.
export { createScheduler } from "./scheduler.ts";
export type { SchedulerPorts } from "./scheduler.ts";
export type { SchedulerConfig } from "./config.ts";
export { readConfiguration, defaultConfiguration } from "./core/configuration/configuration.ts";
export type { SchedulerConfiguration } from "./core/configuration/types.ts";
export type { Decision, DecisionSummary, PreemptionRecord, RejectedNode, ScoredNode } from "./core/explain.ts";
export { definePlugin } from "./core/plugin.ts";
export type { Permission, Plugin, WaitingPods } from "./core/plugin.ts";
export type { ExtraPlugin } from "./core/profile.ts";
