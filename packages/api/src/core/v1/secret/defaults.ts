/** Defaults of secrets: their type, and plain text moved to where it is kept. */
import type { Secret } from "../types.ts";
import { fillText } from "../../../fill.ts";

export function defaultSecret(secret: Secret): void {
  fillText(secret, { type: "Opaque" });
  if (secret.stringData === undefined) return;
  secret.data = { ...secret.data };
  for (const [key, text] of Object.entries(secret.stringData)) secret.data[key] = Buffer.from(text).toString("base64");
  delete secret.stringData;
}
