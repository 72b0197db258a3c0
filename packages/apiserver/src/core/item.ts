// One object of a list on its way out: bytes as they are kept, with the means to look inside.
import type { ApiObject } from "@coxswain/apimachinery";

export interface Item {
  /** From `"metadata"` on; with "{" in front, an item of a list. */
  readonly tail: Buffer;
  /** How long the tail is, or about how long where it is made on demand. */
  readonly tailBytes: number;
  /** Decoded anew at each call; the result belongs to the caller. */
  object(): ApiObject;
}
