// Patches of a kustomization: strategic merge or JSON, from files or inline, for one object or all that a target matches.
import { readFileSync, statSync } from "node:fs";
import { applyMergePatch } from "@coxswain/apimachinery";
import { CommandError } from "../failure.ts";
import type { Obj } from "../resource/api.ts";
import { isRecord } from "../resource/manifests.ts";
import { decodeDocuments } from "../resource/yaml.ts";
import { isMeant, through } from "./resource.ts";
import type { Res } from "./resource.ts";
import type { Kustomization, PatchEntry } from "./types.ts";

export async function patchAll(
  list: readonly Res[],
  kustomization: Kustomization,
  pathOf: (path: string) => string,
): Promise<Res[]> {
  let patched = [...list];
  const entries: PatchEntry[] = [
    ...(kustomization.patchesStrategicMerge ?? []).map((entry) =>
      statSync(pathOf(entry.split("\n")[0] ?? ""), { throwIfNoEntry: false })?.isFile() === true
        ? { path: entry }
        : { patch: entry },
    ),
    ...(kustomization.patches ?? []),
    ...(kustomization.patchesJson6902 ?? []),
  ];
  for (const entry of entries) {
    const text = entry.path === undefined ? (entry.patch ?? "") : readFileSync(pathOf(entry.path), "utf8");
    const documents = decodeDocuments(text, "1.2").filter((document) => document !== null);
    if (documents.length === 1 && Array.isArray(documents[0])) patched = await jsonPatch(patched, entry, documents[0]);
    else for (const document of documents) patched = await mergePatch(patched, entry, document);
  }
  return patched;
}

async function jsonPatch(objects: readonly Res[], entry: PatchEntry, operations: readonly unknown[]): Promise<Res[]> {
  const { applyJsonPatch } = await import("@coxswain/apimachinery");
  if (entry.target === undefined) throw new CommandError("must specify a target for JSON patch");
  return each(objects, entry, (object) => applyJsonPatch(object, operations) as Obj);
}

async function mergePatch(objects: readonly Res[], entry: PatchEntry, document: unknown): Promise<Res[]> {
  if (!isRecord(document)) throw new CommandError("unable to parse SM or JSON patch: an object is expected");
  const [{ findSchema }, { applyStrategicMerge }] = await Promise.all([
    import("@coxswain/api"),
    import("@coxswain/apimachinery"),
  ]);
  const { metadata, ...rest } = document as Obj;
  const own: PatchEntry = entry.target
    ? entry
    : {
        target: {
          kind: `^${document["kind"] as string}$`,
          name: `^${metadata?.name}$`,
          ...(metadata?.namespace === undefined ? {} : { namespace: metadata.namespace }),
        },
      };
  // A target's patch does not rename what it hits, unless it is told that it may.
  const { name, ...others } = metadata ?? { name: "" };
  const { allowNameChange = false, allowKindChange = false } = entry.options ?? {};
  const ids = allowNameChange && name !== undefined ? { name, ...others } : others;
  const patch: Record<string, unknown> = { ...rest, ...(Object.keys(ids).length > 0 ? { metadata: ids } : {}) };
  if (rest["$patch"] === "delete") {
    const kept = objects.filter((res) => !isMeant(own.target, res));
    if (kept.length === objects.length)
      throw new CommandError(
        `no resource matches strategic merge patch "${document["kind"] as string}/${metadata?.name}": no matches for Id`,
      );
    return kept;
  }
  return each(objects, own, (object) => {
    const [group = "", version = ""] = object.apiVersion.includes("/")
      ? object.apiVersion.split("/")
      : ["", object.apiVersion];
    const schema = findSchema({ group, version, kind: object.kind });
    const { apiVersion: _version, kind, ...change } = patch;
    const patched = (
      schema === undefined ? applyMergePatch(object, change) : applyStrategicMerge(schema, object, change)
    ) as Obj;
    return allowKindChange && typeof kind === "string" ? { ...patched, kind } : patched;
  });
}

function each(list: readonly Res[], entry: PatchEntry, change: (object: Obj) => Obj): Res[] {
  if (
    !list.some((res) => isMeant(entry.target, res)) &&
    entry.target !== undefined &&
    /^\^.*\$$/.test(entry.target.name ?? "")
  )
    throw new CommandError(
      `no resource matches strategic merge patch "${entry.target.kind?.slice(1, -1)}/${entry.target.name?.slice(1, -1)}": no matches for Id`,
    );
  return list.flatMap((res) =>
    isMeant(entry.target, res) ? through([res], ([object]) => [change(object as Obj)]) : [res],
  );
}
