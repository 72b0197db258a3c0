export { createInformer } from "./informer/informer.ts";
export type {
  Informer,
  InformerEvent,
  InformerOptions,
  InformerPorts,
  InformerSource,
  Lister,
} from "./informer/informer.ts";
export type { Indexers } from "./informer/cache.ts";
export { createWorkQueue } from "./queue/work-queue.ts";
export type { WorkQueue, WorkQueueOptions } from "./queue/work-queue.ts";
export { defaultRateLimits } from "./queue/rate-limit.ts";
export type { RateLimits } from "./queue/rate-limit.ts";
export { queueMetricTable } from "./queue/metrics.ts";
export type { QueueMetrics } from "./queue/metrics.ts";
export { createReconciler } from "./reconciler.ts";
export type { Reconciler, ReconcilerOptions, ReconcileResult } from "./reconciler.ts";
export { createOwnWrites } from "./own-writes.ts";
export type { OwnWrites } from "./own-writes.ts";
export { createLeaderElector, defaultLeaderElection } from "./leader-election/elector.ts";
export type { LeaderElectionOptions, LeaderElector } from "./leader-election/elector.ts";
export { fenceClient, NotLeadingError } from "./leader-election/fence.ts";
export { createEventRecorder } from "./events/recorder.ts";
export type { EventObject, EventRecorder } from "./events/recorder.ts";
export { isAtLeast } from "./resource-version.ts";
export type { Log } from "./log.ts";
export { nothing, plan } from "./plan.ts";
export type { Plan } from "./plan.ts";
