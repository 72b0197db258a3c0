// Patches of a kustomization: strategic merge or JSON, from files or inline, for one object or all that a target matches.
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { applyMergePatch, parseLabelSelector } from "@coxswain/apimachinery";
import { CommandError } from "../failure.ts";
import type { Obj } from "../resource/api.ts";
import { isRecord } from "../resource/manifests.ts";
import { decodeDocuments } from "../resource/yaml.ts";
import type { Kustomization, PatchEntry } from "./types.ts";

export async function patchAll(
  objects: readonly Obj[],
  kustomization: Kustomization,
  directory: string,
): Promise<Obj[]> {
  let patched = [...objects];
  const entries: PatchEntry[] = [
    ...(kustomization.patchesStrategicMerge ?? []).map((entry) =>
      statSync(join(directory, entry.split("\n")[0] ?? ""), { throwIfNoEntry: false })?.isFile() === true
        ? { path: entry }
        : { patch: entry },
    ),
    ...(kustomization.patches ?? []),
    ...(kustomization.patchesJson6902 ?? []),
  ];
  for (const entry of entries) {
    const text = entry.path === undefined ? (entry.patch ?? "") : readFileSync(join(directory, entry.path), "utf8");
    const documents = decodeDocuments(text).filter((document) => document !== null);
    if (documents.length === 1 && Array.isArray(documents[0])) patched = await jsonPatch(patched, entry, documents[0]);
    else for (const document of documents) patched = await mergePatch(patched, entry, document);
  }
  return patched;
}

async function jsonPatch(objects: readonly Obj[], entry: PatchEntry, operations: readonly unknown[]): Promise<Obj[]> {
  const { applyJsonPatch } = await import("@coxswain/apimachinery");
  if (entry.target === undefined) throw new CommandError("must specify a target for JSON patch");
  return each(objects, entry, (object) => applyJsonPatch(object, operations) as Obj);
}

async function mergePatch(objects: readonly Obj[], entry: PatchEntry, document: unknown): Promise<Obj[]> {
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
  // A target's patch does not rename what it hits.
  const { name: _name, ...others } = metadata ?? { name: "" };
  const patch: Record<string, unknown> = { ...rest, ...(Object.keys(others).length > 0 ? { metadata: others } : {}) };
  if (rest["$patch"] === "delete") {
    const kept = objects.filter((object) => !hits(own, object));
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
    const { apiVersion: _version, kind: _kind, ...change } = patch;
    return (
      schema === undefined ? applyMergePatch(object, change) : applyStrategicMerge(schema, object, change)
    ) as Obj;
  });
}

function each(objects: readonly Obj[], entry: PatchEntry, change: (object: Obj) => Obj): Obj[] {
  if (
    !objects.some((object) => hits(entry, object)) &&
    entry.target !== undefined &&
    /^\^.*\$$/.test(entry.target.name ?? "")
  )
    throw new CommandError(
      `no resource matches strategic merge patch "${entry.target.kind?.slice(1, -1)}/${entry.target.name?.slice(1, -1)}": no matches for Id`,
    );
  return objects.map((object) => (hits(entry, object) ? change(object) : object));
}

function hits({ target }: PatchEntry, object: Obj): boolean {
  if (target === undefined) return false;
  const [group = "", version = ""] = object.apiVersion.includes("/")
    ? object.apiVersion.split("/")
    : ["", object.apiVersion];
  const fits = (pattern: string | undefined, text: string): boolean =>
    pattern === undefined || pattern === "" || new RegExp(`^(?:${pattern})$`).test(text);
  const selects = (selector: string | undefined, labels: Record<string, string> | undefined): boolean =>
    selector === undefined || parseLabelSelector(selector).matches(labels ?? {});
  return (
    fits(target.group, group) &&
    fits(target.version, version) &&
    fits(target.kind, object.kind) &&
    fits(target.name, object.metadata.name) &&
    fits(target.namespace, object.metadata.namespace ?? "") &&
    selects(target.labelSelector, object.metadata.labels) &&
    selects(target.annotationSelector, object.metadata.annotations)
  );
}
