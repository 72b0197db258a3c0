// The second door: histories that are right by construction, for tests of checkers and of what records.
export { createReferenceStore } from "./reference-store.ts";
export type { ReferenceStore } from "./reference-store.ts";
export { keyOf, recorded } from "./recorded.ts";
export type { Recorded, RecordedOptions } from "./recorded.ts";
export { historyOf } from "./by-hand.ts";
