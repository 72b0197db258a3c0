export { allFaults, SafetyViolation, Simulation } from "./simulation.ts";
export type { Faults, RandomSource } from "./simulation.ts";
export { runTranscript } from "./transcript.ts";
