/** The door of the scheme: every served resource. Types and descriptors have doors of their own, `@coxswain/api/<group>/<version>`. */
export type { ResourceInfo } from "./resource-info.ts";
export { resources } from "./resources.ts";
