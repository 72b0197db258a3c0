// Builds a kustomization: its resources and bases, what its generators make, then its changes in kustomize's order. Reads files; the
// changes themselves are transform.ts. Not here: remote bases, components, vars, replacements, plugins, helm; each is refused by name.
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import type { ApiObject } from "@coxswain/apimachinery";
import { CommandError } from "../failure.ts";
import type { Obj } from "../resource/api.ts";
import { isRecord, parseManifest } from "../resource/manifests.ts";
import { decodeYaml } from "../resource/yaml.ts";
import { patchAll } from "./patches.ts";
import {
  addLabels,
  addNames,
  renameReferences,
  setAnnotations,
  setImages,
  setNamespace,
  setReplicas,
} from "./transform.ts";
import type { Kustomization, Generator } from "./types.ts";

const fileNames = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
const unsupported = [
  "components",
  "vars",
  "replacements",
  "helmCharts",
  "generators",
  "transformers",
  "validators",
  "crds",
  "openapi",
  "configurations",
];

/** The objects in the order kustomize prints them. */
export async function buildKustomization(directory: string): Promise<ApiObject[]> {
  return order(await build(directory, new Set()));
}

async function build(directory: string, seen: ReadonlySet<string>): Promise<Obj[]> {
  if (seen.has(directory))
    throw new CommandError(`accumulating resources: cycle detected: ${[...seen, directory].join(" -> ")}`);
  const kustomization = read(directory);
  let objects: Obj[] = [];
  for (const entry of [...(kustomization.resources ?? []), ...(kustomization.bases ?? [])])
    objects.push(...(await resource(directory, entry, seen)));
  for (const generator of kustomization.configMapGenerator ?? [])
    objects = merge(objects, generate("ConfigMap", generator, kustomization, directory), generator);
  for (const generator of kustomization.secretGenerator ?? [])
    objects = merge(objects, generate("Secret", generator, kustomization, directory), generator);
  duplicates(objects);
  objects = await patchAll(objects, kustomization, directory);
  if (kustomization.namespace !== undefined) objects = setNamespace(objects, kustomization.namespace);
  objects = addLabels(objects, kustomization);
  objects = setAnnotations(objects, kustomization.commonAnnotations ?? {});
  const before = objects;
  objects = addNames(objects, kustomization.namePrefix ?? "", kustomization.nameSuffix ?? "");
  objects = addHashes(objects);
  objects = renameReferences(objects, before);
  objects = setImages(objects, kustomization.images ?? []);
  return setReplicas(objects, kustomization.replicas ?? []);
}

function read(directory: string): Kustomization {
  const file = fileNames
    .map((name) => join(directory, name))
    .find((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
  if (file === undefined)
    throw new CommandError(
      statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true
        ? `unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '${directory}'`
        : `must build at directory: not a valid directory: evalsymlink failure on '${directory}' : lstat ${resolve(directory)}: no such file or directory`,
    );
  const value = decodeYaml(readFileSync(file, "utf8"));
  if (!isRecord(value)) throw new CommandError(`kustomization.yaml is empty`);
  for (const name of unsupported)
    if (value[name] !== undefined)
      throw new CommandError(
        `${file}: cox's kustomize does not know "${name}"; use the kustomize program and pipe what it prints into cox apply -f -`,
      );
  return value as Kustomization;
}

async function resource(directory: string, entry: string, seen: ReadonlySet<string>): Promise<Obj[]> {
  if (/^https?:\/\/|^git@|^github\.com\//.test(entry))
    throw new CommandError(`cox's kustomize reads no remote resources: ${entry}`);
  const path = join(directory, entry);
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found)
    throw new CommandError(
      `accumulating resources: accumulation err='accumulating resources from '${entry}': open ${path}: no such file or directory'`,
    );
  if (found.isDirectory()) return build(path, new Set([...seen, directory]));
  return parseManifest(readFileSync(path, "utf8"), path).map(({ object }) => object as Obj);
}

/** Marks objects of generators while they are changed; taken away when the hash is in the name. */
const generatedMark = "internal.cox/generated";

function generate(
  kind: "ConfigMap" | "Secret",
  generator: Generator,
  kustomization: Kustomization,
  directory: string,
): Obj {
  const data: Record<string, string> = {};
  const binary: Record<string, string> = {};
  const put = (key: string, bytes: Buffer): void => {
    if (Object.hasOwn(data, key) || Object.hasOwn(binary, key))
      throw new CommandError(`cannot add key ${key}, another key by that name already exists`);
    const text = bytes.toString("utf8");
    if (kind === "Secret") data[key] = bytes.toString("base64");
    else if (Buffer.from(text).equals(bytes)) data[key] = text;
    else binary[key] = bytes.toString("base64");
  };
  for (const env of [...(generator.envs ?? []), ...(generator.env === undefined ? [] : [generator.env])])
    for (const line of readFileSync(join(directory, env), "utf8").split("\n")) {
      const trimmed = line.trimStart();
      if (trimmed === "" || trimmed.startsWith("#")) continue;
      const equals = trimmed.indexOf("=");
      put(equals < 0 ? trimmed : trimmed.slice(0, equals), Buffer.from(equals < 0 ? "" : trimmed.slice(equals + 1)));
    }
  for (const file of generator.files ?? []) {
    const equals = file.indexOf("=");
    const path = equals < 0 ? file : file.slice(equals + 1);
    put(equals < 0 ? basename(file) : file.slice(0, equals), readFileSync(join(directory, path)));
  }
  for (const literal of generator.literals ?? []) {
    const equals = literal.indexOf("=");
    if (equals < 0) throw new CommandError(`invalid literal source ${literal}, expected key=value`);
    put(literal.slice(0, equals), Buffer.from(literal.slice(equals + 1).replace(/^(["'])([\s\S]*)\1$/, "$2")));
  }
  const options = { ...kustomization.generatorOptions, ...generator.options };
  const object: Obj = {
    apiVersion: "v1",
    ...(Object.keys(binary).length > 0 ? { binaryData: binary } : {}),
    ...(Object.keys(data).length > 0 ? { data } : {}),
    ...(options.immutable === true ? { immutable: true } : {}),
    kind,
    metadata: {
      name: generator.name,
      ...(generator.namespace === undefined ? {} : { namespace: generator.namespace }),
      ...(options.labels === undefined ? {} : { labels: options.labels }),
      ...(options.annotations === undefined ? {} : { annotations: options.annotations }),
    },
    ...(kind === "Secret" ? { type: generator.type ?? "Opaque" } : {}),
  };
  return options.disableNameSuffixHash === true ? object : { ...object, [generatedMark]: true };
}

function merge(objects: readonly Obj[], made: Obj, { behavior = "create" }: Generator): Obj[] {
  const at = objects.findIndex(
    (object) =>
      object.kind === made.kind &&
      object.metadata.name === made.metadata.name &&
      object.metadata.namespace === made.metadata.namespace,
  );
  const old = objects[at];
  if (old === undefined) {
    if (behavior !== "create")
      throw new CommandError(
        `merging from generator: id resid.ResId{Kind: "${made.kind}", Name: "${made.metadata.name}"} does not exist; cannot merge or replace`,
      );
    return [...objects, made];
  }
  if (behavior === "create")
    throw new CommandError(
      `merging from generator: may not add resource with an already registered id: ${made.kind}.v1.[noGrp]/${made.metadata.name}.[noNs]`,
    );
  const data = behavior === "merge" ? { ...(old["data"] as object), ...(made["data"] as object) } : made["data"];
  return objects.with(at, { ...made, data } as Obj);
}

function duplicates(objects: readonly Obj[]): void {
  const seen = new Set<string>();
  for (const { apiVersion, kind, metadata } of objects) {
    const id = `${kind}.${apiVersion}/${metadata.name}.${metadata.namespace ?? "[noNs]"}`;
    if (seen.has(id)) throw new CommandError(`may not add resource with an already registered id: ${id}`);
    seen.add(id);
  }
}

/** Generated objects change their name with their content, so that what uses them is rolled out again. */
function addHashes(objects: readonly Obj[]): Obj[] {
  return objects.map((object) => {
    const { [generatedMark]: generated, ...rest } = object;
    if (generated !== true) return object;
    return { ...rest, metadata: { ...object.metadata, name: `${object.metadata.name}-${contentHash(object)}` } } as Obj;
  });
}

/** The first ten digits of a SHA-256 in an alphabet without words. */
export function contentHash(object: {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly [field: string]: unknown;
}): string {
  const sorted = (value: unknown): unknown =>
    isRecord(value)
      ? Object.fromEntries(
          Object.keys(value)
            .sort()
            .map((key) => [key, value[key]]),
        )
      : (value ?? "");
  const text =
    object.kind === "ConfigMap"
      ? JSON.stringify({
          ...(object["binaryData"] === undefined ? {} : { binaryData: sorted(object["binaryData"]) }),
          data: sorted(object["data"]),
          kind: "ConfigMap",
          name: object.metadata.name,
        })
      : JSON.stringify({
          data: sorted(object["data"]),
          kind: "Secret",
          name: object.metadata.name,
          type: object["type"],
        });
  const signs: Readonly<Record<string, string>> = { "0": "g", "1": "h", "3": "k", a: "m", e: "t" };
  const escaped = text.replace(/[<>&]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return [...createHash("sha256").update(escaped).digest("hex").slice(0, 10)]
    .map((sign) => signs[sign] ?? sign)
    .join("");
}

const first = [
  "Namespace",
  "ResourceQuota",
  "StorageClass",
  "CustomResourceDefinition",
  "ServiceAccount",
  "PodSecurityPolicy",
  "Role",
  "ClusterRole",
  "RoleBinding",
  "ClusterRoleBinding",
  "ConfigMap",
  "Secret",
  "Endpoints",
  "Service",
  "LimitRange",
  "PriorityClass",
  "PersistentVolume",
  "PersistentVolumeClaim",
  "Deployment",
  "StatefulSet",
  "CronJob",
  "PodDisruptionBudget",
];
const last = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/** kubectl's order: what others need comes first. */
function order(objects: readonly Obj[]): Obj[] {
  const rank = (kind: string): number => {
    const at = first.indexOf(kind);
    return at >= 0 ? at - first.length : last.includes(kind) ? 1 : 0;
  };
  return objects.toSorted((left, right) => {
    const difference = rank(left.kind) - rank(right.kind);
    if (difference !== 0) return difference;
    const key = ({ apiVersion, kind, metadata }: Obj): string =>
      `${apiVersion} ${kind} ${metadata.namespace ?? ""} ${metadata.name}`;
    return key(left) < key(right) ? -1 : 1;
  });
}
