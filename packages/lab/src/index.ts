export { LabError } from "./errors.ts";
export type { LabErrorCode } from "./errors.ts";
export type { Link } from "./io/state.ts";
export { createLab, labDirectory } from "./lab.ts";
export type { Lab, LabMachine, MachineStatus } from "./lab.ts";
