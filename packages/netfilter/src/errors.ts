// What can go wrong between us and the kernel's tables.

export type NetfilterErrorCode =
  /** The command is not installed. */
  | "tool-missing"
  /** The command could not be started. */
  | "tool-failed"
  /** The command ran and refused: malformed rules, a missing kernel module, a chain that vanished meanwhile. */
  | "tool-refused";

export class NetfilterError extends Error {
  override readonly name = "NetfilterError";
  readonly code: NetfilterErrorCode;
  constructor(code: NetfilterErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
