export { createControllerManager } from "./controller-manager.ts";
export type { ControllerManagerConfig } from "./config.ts";
export { controllerNames } from "./controllers.ts";
export type { ControllerName } from "./controllers.ts";
