export { createFakeRuntime } from "./fake-runtime.ts";
export type { FakeImage, FakeProgram, FakeRuntime, FakeRuntimeOptions } from "./fake-runtime.ts";
export { containerRequest, runtimeSuite, sandboxRequest, suiteCommands } from "./suite.ts";
export type { RuntimeSuiteSubject } from "./suite.ts";
