export { systemClock } from "./clock.ts";
export type { Clock, Timer } from "./clock.ts";
export { systemRandom } from "./random.ts";
export type { Random } from "./random.ts";
export { parseRfc3339, rfc3339, rfc3339Micro } from "./rfc3339.ts";
