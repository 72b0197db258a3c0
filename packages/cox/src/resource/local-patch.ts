// A patch carried out here instead of by the server: for --local, --dry-run=client and `set`.
import { applyJsonPatch, applyMergePatch, applyStrategicMerge, isJsonObject } from "@coxswain/apimachinery";
import type { GroupVersionKind } from "@coxswain/apimachinery";
import { CommandError } from "../failure.ts";
import type { Obj } from "./api.ts";

export async function applyLocally(
  info: { readonly descriptor: GroupVersionKind; readonly object: Obj },
  type: "json" | "merge" | "strategic",
  patch: unknown,
): Promise<Obj> {
  try {
    if (type === "json") return applyJsonPatch(info.object, patch) as Obj;
    if (type === "merge") return applyMergePatch(info.object, patch) as Obj;
    if (!isJsonObject(patch)) throw new CommandError("unable to parse the patch: an object is expected");
    const { findSchema } = await import("@coxswain/api");
    const schema = findSchema(info.descriptor);
    if (schema === undefined) throw new CommandError("strategic merge patch is not supported for custom resources");
    return applyStrategicMerge(schema, info.object, patch) as Obj;
  } catch (cause) {
    throw cause instanceof CommandError ? cause : new CommandError((cause as Error).message, { cause });
  }
}
