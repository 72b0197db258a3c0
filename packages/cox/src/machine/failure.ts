// What a person did or can mend on this machine: one sentence, no stack.

export class MachineError extends Error {
  override readonly name = "MachineError";
}
