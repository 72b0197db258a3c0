export { LabError } from "./errors.ts";
export type { LabErrorCode } from "./errors.ts";
export { createLab, labDirectory } from "./lab.ts";
export type { Lab, LabMachine, MachineStatus } from "./lab.ts";
