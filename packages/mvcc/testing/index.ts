// The second door of mvcc, for tests: a backend in memory, and the suite every backend must pass.
export { createMemoryBackend } from "./memory-backend.ts";
export { checkBackend } from "./backend-suite.ts";
