/** Builders of objects for tests: complete, small, and changed by what the test cares about. Deterministic; nothing is read from outside. */
export { deployment, endpointSlice, namespace, node, pod, replicaSet, service } from "./builders.ts";
export type { Changes } from "./builders.ts";
export { complete } from "./complete.ts";
