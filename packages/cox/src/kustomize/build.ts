// Builds a kustomization: its resources, bases and components, what its generators make, then its changes in kustomize's order; hashes, what
// refers to names and vars come last, over everything. Reads files; the changes themselves are the neighbours'. Not here: remote bases,
// helm, plugins, crds, openapi; each is refused by name.
import { readFileSync, realpathSync, statSync } from "node:fs";
import { isAbsolute, join, relative, resolve } from "node:path";
import type { ApiObject } from "@coxswain/apimachinery";
import { CommandError } from "../failure.ts";
import type { Obj } from "../resource/api.ts";
import { isRecord, parseManifest } from "../resource/manifests.ts";
import { decodeYaml } from "../resource/yaml.ts";
import { pieceOf } from "./builtins.ts";
import { configured, readConfiguration, withNameReferences } from "./configurations.ts";
import type { NameReference } from "./configurations.ts";
import { contentHash, generate } from "./generate.ts";
import { ordered } from "./order.ts";
import { patchAll } from "./patches.ts";
import { replaceAll, resolveVars } from "./replacements.ts";
import { resOf, through } from "./resource.ts";
import type { Res } from "./resource.ts";
import {
  addLabels,
  addNames,
  renameReferences,
  setAnnotations,
  setImages,
  setNamespace,
  setReplicas,
} from "./transform.ts";
import type { Generator, Kustomization, Var } from "./types.ts";

const fileNames = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/** What there is and cox has not, with the reason. */
const unsupported: Readonly<Record<string, string>> = {
  helmCharts: "cox runs no helm",
  helmChartInflationGenerator: "cox runs no helm",
  validators: "cox runs no plugins",
  crds: "cox reads no types from files",
  openapi: "cox has its own types",
};

export interface BuildOptions {
  /** Files may lie outside of the kustomization's directory. */
  readonly anywhere?: boolean;
  /** The order unless the kustomization has one. */
  readonly order?: "legacy" | "fifo";
}

/** What is the same for all kustomizations of one build. */
interface Build extends BuildOptions {
  readonly vars: Var[];
  readonly nameReferences: NameReference[];
}

/** The objects in the order kustomize prints them. */
export async function buildKustomization(directory: string, options: BuildOptions = {}): Promise<ApiObject[]> {
  const building: Build = { ...options, vars: [], nameReferences: [] };
  const top = read(directory);
  let list = await accumulate(building, directory, [], new Set());
  list = withNameReferences(renameReferences(withHashes(list)), building.nameReferences);
  list = resolveVars(list, building.vars);
  const { buildMetadata = [], sortOptions } = top;
  for (const each of buildMetadata)
    if (each !== "managedByLabel")
      throw new CommandError(`buildMetadata: ${each}: cox does not keep where objects come from`);
  // The label that kubectl's own kustomize writes, so that objects are the same whoever builds them.
  if (buildMetadata.length > 0)
    list = through(list, (objects) =>
      addLabels(objects, { labels: [{ pairs: { "app.kubernetes.io/managed-by": "kustomize-(devel)" } }] }),
    );
  return ordered(
    list.map(({ object }) => object),
    sortOptions ?? (options.order === undefined ? {} : { order: options.order }),
  );
}

/** Adds what a kustomization has to what is there; a component changes that, too. */
async function accumulate(
  building: Build,
  directory: string,
  before: readonly Res[],
  seen: ReadonlySet<string>,
): Promise<Res[]> {
  if (seen.has(resolve(directory)))
    throw new CommandError(`accumulating resources: cycle detected: ${[...seen, directory].join(" -> ")}`);
  const kustomization = read(directory);
  const within = new Set([...seen, resolve(directory)]);
  const pathOf = (path: string): string => placeOf(building, directory, path);
  let list = [...before];
  for (const entry of [...(kustomization.resources ?? []), ...(kustomization.bases ?? [])])
    list.push(...(await resource(building, directory, entry, within)));
  for (const entry of kustomization.components ?? []) {
    const path = join(directory, entry);
    if (read(path).kind !== "Component")
      throw new CommandError(
        `accumulating components: accumulateDirectory: "expected kind != 'Component' for path '${resolve(path)}'"`,
      );
    list = await accumulate(building, path, list, within);
  }
  building.vars.push(...(kustomization.vars ?? []));
  list = generated(list, kustomization, pathOf);
  for (const entry of kustomization.generators ?? [])
    for (const piece of pieces(entry, pathOf)) list = generated(list, piece, pathOf);
  duplicates(list);
  const configuration = readConfiguration((kustomization.configurations ?? []).map((path) => pathOf(path)));
  building.nameReferences.push(...configuration.nameReference);
  list = await transformed(list, kustomization, pathOf);
  list = configured(list, kustomization, configuration);
  for (const entry of kustomization.transformers ?? [])
    for (const piece of pieces(entry, pathOf)) list = await transformed(list, piece, pathOf);
  return list;
}

async function transformed(
  before: readonly Res[],
  kustomization: Kustomization,
  pathOf: (path: string) => string,
): Promise<Res[]> {
  const { namespace, namePrefix = "", nameSuffix = "" } = kustomization;
  let list = await patchAll(before, kustomization, pathOf);
  if (namespace !== undefined) list = through(list, (objects) => setNamespace(objects, namespace));
  list = through(list, (objects) => addNames(objects, namePrefix, nameSuffix));
  list = renameReferences(list);
  list = through(list, (objects) => addLabels(objects, kustomization));
  list = through(list, (objects) => setAnnotations(objects, kustomization.commonAnnotations ?? {}));
  list = setReplicas(list, kustomization.replicas ?? []);
  list = through(list, (objects) => setImages(objects, kustomization.images ?? []));
  return replaceAll(list, kustomization, pathOf);
}

/** The configurations of transformers and generators in a file, or written in place. */
function pieces(entry: string, pathOf: (path: string) => string): Kustomization[] {
  const text = entry.includes("\n") ? entry : readFileSync(pathOf(entry), "utf8");
  return parseManifest(text, entry).map(({ object }) => pieceOf(object as Obj));
}

function generated(list: readonly Res[], kustomization: Kustomization, pathOf: (path: string) => string): Res[] {
  const kinds = [
    ["ConfigMap", kustomization.configMapGenerator ?? []],
    ["Secret", kustomization.secretGenerator ?? []],
  ] as const;
  return kinds.reduce<Res[]>(
    (current, [kind, generators]) =>
      generators.reduce((now, each) => merge(now, generate(kind, each, kustomization, pathOf), each), current),
    [...list],
  );
}

function read(directory: string): Kustomization {
  const file = fileNames
    .map((name) => join(directory, name))
    .find((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
  if (file === undefined)
    throw new CommandError(
      statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true
        ? `unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '${resolve(directory)}'`
        : `must build at directory: not a valid directory: evalsymlink failure on '${directory}' : lstat ${resolve(directory)}: no such file or directory`,
    );
  const value = decodeYaml(readFileSync(file, "utf8"));
  if (!isRecord(value)) throw new CommandError(`kustomization.yaml is empty`);
  for (const [name, reason] of Object.entries(unsupported))
    if (value[name] !== undefined)
      throw new CommandError(
        `${file}: ${name}: ${reason}; use the kustomize program and pipe what it prints into cox apply -f -`,
      );
  return value as Kustomization;
}

/** Files of a kustomization lie in or below its directory, so that it can be moved as a whole. */
function placeOf({ anywhere }: Build, directory: string, path: string): string {
  const file = isAbsolute(path) ? path : join(directory, path);
  if (anywhere === true || statSync(file, { throwIfNoEntry: false }) === undefined) return file;
  const way = relative(realpathSync(directory), realpathSync(file));
  if (way.startsWith("..") || isAbsolute(way))
    throw new CommandError(
      `security; file '${realpathSync(file)}' is not in or below '${realpathSync(directory)}'; --load-restrictor=LoadRestrictionsNone allows it`,
    );
  return file;
}

async function resource(building: Build, directory: string, entry: string, seen: ReadonlySet<string>): Promise<Res[]> {
  if (entry.includes("\n")) return parseManifest(entry, directory, "1.2").map(({ object }) => resOf(object as Obj));
  if (/^https?:\/\/|^ssh:|^git@|^github\.com\/|\?ref=/.test(entry))
    throw new CommandError(`cox's kustomize reads no remote resources: ${entry}`);
  const path = join(directory, entry);
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found)
    throw new CommandError(
      `accumulating resources: accumulation err='accumulating resources from '${entry}': open ${resolve(path)}: no such file or directory': must build at directory: not a valid directory: evalsymlink failure on '${resolve(path)}' : lstat ${resolve(path)}: no such file or directory`,
    );
  if (found.isDirectory()) return accumulate(building, path, [], seen);
  return parseManifest(readFileSync(placeOf(building, directory, entry), "utf8"), path, "1.2").map(({ object }) =>
    resOf(object as Obj),
  );
}

function merge(list: readonly Res[], made: Res, { behavior = "create" }: Generator): Res[] {
  const { kind, metadata } = made.object;
  const at = list.findIndex(
    ({ object, former }) =>
      object.kind === kind &&
      former.some(
        ({ name, namespace }) =>
          name === metadata.name && (metadata.namespace === undefined || namespace === metadata.namespace),
      ),
  );
  const old = list[at];
  if (old === undefined) {
    if (behavior !== "create")
      throw new CommandError(
        `merging from generator: id resid.ResId{Kind: "${kind}", Name: "${metadata.name}"} does not exist; cannot merge or replace`,
      );
    return [...list, made];
  }
  if (behavior === "create")
    throw new CommandError(
      `merging from generator: may not add resource with an already registered id: ${kind}.v1.[noGrp]/${metadata.name}.[noNs]`,
    );
  const both = (field: "data" | "binaryData"): object | undefined => {
    const [before, now] = [old.object[field], made.object[field]] as (object | undefined)[];
    if (behavior === "replace") return now;
    return before === undefined && now === undefined ? undefined : { ...before, ...now };
  };
  const [data, binaryData] = [both("data"), both("binaryData")];
  const { data: _data, binaryData: _binary, ...rest } = { ...old.object, ...made.object };
  const object = {
    ...rest,
    ...(data === undefined ? {} : { data }),
    ...(binaryData === undefined ? {} : { binaryData }),
    metadata: {
      ...old.object.metadata,
      ...(metadata.labels === undefined ? {} : { labels: { ...old.object.metadata.labels, ...metadata.labels } }),
      ...(metadata.annotations === undefined
        ? {}
        : { annotations: { ...old.object.metadata.annotations, ...metadata.annotations } }),
    },
  } as Obj;
  return list.with(at, { ...old, object, hashed: made.hashed });
}

function duplicates(list: readonly Res[]): void {
  const seen = new Set<string>();
  for (const { object } of list) {
    const { apiVersion, kind, metadata } = object;
    const id = `${kind}.${apiVersion}/${metadata.name}.${metadata.namespace ?? "[noNs]"}`;
    if (seen.has(id)) throw new CommandError(`may not add resource with an already registered id: ${id}`);
    seen.add(id);
  }
}

/** Generated objects change their name with their content, so that what uses them is rolled out again. */
function withHashes(list: readonly Res[]): Res[] {
  return list.flatMap((res) =>
    !res.hashed
      ? [res]
      : through([res], ([object]) => {
          const { metadata } = object as Obj;
          return [
            { ...object, metadata: { ...metadata, name: `${metadata.name}-${contentHash(object as Obj, "")}` } } as Obj,
          ];
        }),
  );
}
