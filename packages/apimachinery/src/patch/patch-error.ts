/** A patch that cannot be read ("malformed"), cannot be applied to this object ("inapplicable"), or asks for too much ("too-large"). */
export class PatchError extends Error {
  override readonly name = "PatchError";
  readonly code: "malformed" | "inapplicable" | "too-large";

  constructor(code: PatchError["code"], message: string) {
    super(message);
    this.code = code;
  }
}
