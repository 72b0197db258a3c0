/** A patch that cannot be read ("malformed") or cannot be applied to this object ("inapplicable"). */
export class PatchError extends Error {
  override readonly name = "PatchError";
  readonly code: "malformed" | "inapplicable";

  constructor(code: "malformed" | "inapplicable", message: string) {
    super(message);
    this.code = code;
  }
}
