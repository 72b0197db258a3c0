// The second door of etcd-api, for tests: what any etcd v3 endpoint must do, ours and the real one alike.
export { conformance } from "./conformance.ts";
export type { Case, Endpoint } from "./case.ts";
export { randomScript, scripts } from "./scripts/index.ts";
export { as, ask, printed, transcribe, withToken } from "./transcript.ts";
export type { Script, Step } from "./transcript.ts";
