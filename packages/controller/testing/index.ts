export { createFakeApi } from "./fake-api.ts";
export type { FakeApi, Faults } from "./fake-api.ts";
export { silentLog } from "./silent-log.ts";
