// Manifests from files, folders, addresses and standard input: YAML or JSON, several documents, lists taken apart.
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { ApiObject } from "@coxswain/apimachinery";
import { CommandError } from "../failure.ts";
import { decodeDocuments } from "./yaml.ts";
import type { YamlVersion } from "./yaml.ts";

export interface Manifest {
  readonly object: ApiObject;
  /** The file or address, or "STDIN". */
  readonly source: string;
}

export interface ManifestPorts {
  readonly readStdin: () => Promise<string>;
  readonly signal: AbortSignal;
}

export async function readManifests(
  files: readonly string[],
  recursive: boolean,
  ports: ManifestPorts,
): Promise<readonly Manifest[]> {
  const manifests: Manifest[] = [];
  for (const file of files) {
    if (file === "-") manifests.push(...parseManifest(await ports.readStdin(), "STDIN"));
    else if (/^https?:\/\//.test(file)) manifests.push(...parseManifest(await fetchText(file, ports.signal), file));
    else for (const path of expand(file, recursive)) manifests.push(...parseManifest(readFileSync(path, "utf8"), path));
  }
  return manifests;
}

export function parseManifest(text: string, source: string, version: YamlVersion = "1.1"): Manifest[] {
  let documents: readonly unknown[];
  try {
    documents = decodeDocuments(text, version);
  } catch (cause) {
    const kind = text.trimStart().startsWith("{") ? "json" : "yaml";
    const reason = (cause as Error).message.split("\n", 1)[0];
    throw new CommandError(
      kind === "yaml"
        ? `error parsing ${source}: error converting YAML to JSON: yaml: ${reason}`
        : `error parsing ${source}: ${reason}`,
      { cause },
    );
  }
  return documents
    .filter((document) => document !== null && document !== undefined)
    .flatMap((document) => objectsIn(document, source))
    .map((object) => ({ object, source }));
}

function objectsIn(document: unknown, source: string): ApiObject[] {
  if (!isRecord(document))
    throw new CommandError(
      `unable to decode ${JSON.stringify(source)}: expected an object, found ${JSON.stringify(document)?.slice(0, 60)}`,
    );
  const { apiVersion, kind, metadata, items } = document;
  const shown = JSON.stringify(document);
  if (typeof kind !== "string" || kind === "")
    throw new CommandError(
      `error validating ${JSON.stringify(source)}: error validating data: ${typeof apiVersion === "string" && apiVersion !== "" ? "kind not set" : "[apiVersion not set, kind not set]"}; if you choose to ignore these errors, turn validation off with --validate=false`,
    );
  if (typeof apiVersion !== "string" || apiVersion === "")
    throw new CommandError(
      `error validating ${JSON.stringify(source)}: error validating data: apiVersion not set; if you choose to ignore these errors, turn validation off with --validate=false`,
    );
  if (kind.endsWith("List") && Array.isArray(items)) return items.flatMap((item) => objectsIn(item, source));
  if (metadata !== undefined && metadata !== null && !isRecord(metadata))
    throw new CommandError(
      `unable to decode ${JSON.stringify(source)}: metadata is not an object in ${shown.slice(0, 80)}`,
    );
  const name = isRecord(metadata) ? metadata["name"] : undefined;
  return [
    {
      ...document,
      apiVersion,
      kind,
      metadata: {
        ...(isRecord(metadata) ? metadata : {}),
        ...(typeof name === "string" ? { name } : {}),
      } as ApiObject["metadata"],
    },
  ];
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function expand(path: string, recursive: boolean): readonly string[] {
  if (/[*?[]/.test(path)) throw new CommandError(`the path "${path}" does not exist`);
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw new CommandError(`the path "${path}" does not exist`);
  if (!found.isDirectory()) return [path];
  const files = below(path, recursive);
  return files;
}

function below(directory: string, recursive: boolean): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .sort((left, right) => (left.name < right.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) return recursive ? below(path, true) : [];
      return /\.(ya?ml|json)$/.test(entry.name) ? [path] : [];
    });
}

async function fetchText(url: string, signal: AbortSignal): Promise<string> {
  let response: Response;
  try {
    response = await fetch(url, { signal });
  } catch (cause) {
    signal.throwIfAborted();
    throw new CommandError(`unable to read URL "${url}": ${(cause as Error).message}`, { cause });
  }
  if (!response.ok)
    throw new CommandError(
      `unable to read URL "${url}", server reported ${response.status} ${response.statusText}, status code=${response.status}`,
    );
  return response.text();
}
