// Reads manifests from files, folders or standard input: YAML or JSON, several documents, lists taken apart.
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { loadAll } from "js-yaml";
import type { ApiObject } from "@coxswain/apimachinery";
import { CommandError } from "./failure.ts";

export function readManifests(files: readonly string[]): readonly ApiObject[] {
  const objects = files.flatMap(expand).flatMap((file) => parseManifest(readText(file), file === "-" ? "STDIN" : file));
  if (objects.length === 0) throw new CommandError("no objects passed");
  return objects;
}

export function parseManifest(text: string, source: string): ApiObject[] {
  let documents: unknown[];
  try {
    documents = loadAll(text);
  } catch (cause) {
    throw new CommandError(`error parsing ${source}: ${(cause as Error).message.split("\n", 1)[0]}`, { cause });
  }
  return documents
    .filter((document) => document !== null && document !== undefined)
    .flatMap((document) => objectsIn(document, source));
}

function objectsIn(document: unknown, source: string): ApiObject[] {
  if (!isRecord(document)) throw new CommandError(`${source}: expected an object, found ${JSON.stringify(document)}`);
  const { apiVersion, kind, metadata, items } = document;
  if (typeof apiVersion !== "string" || apiVersion === "") throw new CommandError(`${source}: apiVersion not set`);
  if (typeof kind !== "string" || kind === "") throw new CommandError(`${source}: kind not set`);
  if (kind.endsWith("List") && Array.isArray(items)) return items.flatMap((item) => objectsIn(item, source));
  const name = isRecord(metadata) ? metadata["name"] : undefined;
  if (!isRecord(metadata) || typeof name !== "string" || name === "")
    throw new CommandError(`${source}: ${kind} has no metadata.name`);
  return [{ ...document, apiVersion, kind, metadata: { ...metadata, name } }];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function expand(file: string): readonly string[] {
  if (file === "-") return [file];
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found) throw new CommandError(`the path "${file}" does not exist`);
  if (!found.isDirectory()) return [file];
  return readdirSync(file)
    .filter((name) => /\.(ya?ml|json)$/.test(name))
    .sort()
    .map((name) => join(file, name));
}

function readText(file: string): string {
  return readFileSync(file === "-" ? 0 : file, "utf8");
}
