// What can go wrong with a lab.

export type LabErrorCode =
  | "tool-missing" // a command the lab needs is not installed
  | "tool-failed" // a command was refused by the kernel
  | "not-permitted" // we are not root
  | "bad-directory" // the lab's directory cannot be used
  | "no-such-machine"
  | "machine-off" // something was to run in a machine without power
  | "init-failed" // a machine's first process did not come up
  | "engine-failed"; // a machine's Docker Engine did not come up, or refused

export class LabError extends Error {
  override readonly name = "LabError";
  readonly code: LabErrorCode;
  constructor(code: LabErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
