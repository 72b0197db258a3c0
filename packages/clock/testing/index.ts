export { createSimulatedClock } from "./simulated-clock.ts";
export type { SimulatedClock } from "./simulated-clock.ts";
export { createSeededRandom } from "./seeded-random.ts";
export { sleepWith } from "../src/clock.ts";
