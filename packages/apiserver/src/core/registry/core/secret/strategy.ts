// Secrets: `stringData` is written and never read; it becomes part of `data`.
import type { ApiObject } from "@coxswain/apimachinery";
import type { Loose, Strategy } from "../../strategy.ts";
import { memberOf } from "../../strategy.ts";

export const secretStrategy: Strategy = {
  prepareForCreate: foldStringData,
  prepareForUpdate: foldStringData,
};

function foldStringData(secret: ApiObject): void {
  const loose = secret as Loose;
  if (loose["stringData"] === undefined) return;
  const data: Record<string, unknown> = { ...memberOf(loose, "data") };
  for (const [key, text] of Object.entries(memberOf(loose, "stringData")))
    data[key] = Buffer.from(String(text)).toString("base64");
  loose["data"] = data;
  delete loose["stringData"];
}
