// What a volumeMount's subPath (or subPathExpr) names, before the shell follows it link by link. Pure text.
import type { VolumeMount } from "@coxswain/api/core/v1";
import { expand } from "../container/expand.ts";

/** The path's parts; an error for one that would leave the volume. */
export function subPathParts(
  mount: VolumeMount,
  variables: ReadonlyMap<string, string>,
): { readonly parts: readonly string[] } | { readonly error: string } {
  const text = mount.subPathExpr ? expand(mount.subPathExpr, variables) : (mount.subPath ?? "");
  if (text.startsWith("/")) return { error: `error SubPath \`${text}\` must not be an absolute path` };
  const parts = text.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) return { error: `unable to provision SubPath \`${text}\`: must not contain '..'` };
  return { parts };
}
