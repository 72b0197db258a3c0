/**
 * Merges what other servers say of their groups into a document of OpenAPI version 2. After kube-openapi's `aggregator`: a path belongs to who
 * had it first, equal definitions are one, others get a number. Shared parameters, to which newer servers refer, are written where they are used.
 */
import { isJsonObject, jsonEqual } from "@coxswain/apimachinery";
import type { OpenApiV2Part } from "./custom.ts";
import type { Definition } from "./definitions.ts";

const definitionPrefix = "#/definitions/";
const parameterPrefix = "#/parameters/";
const kindsOf = "x-kubernetes-group-version-kind";

/** What a server's document says about API groups: its paths below `/apis/`, and what these refer to. Throws for what is no such document. */
export function groupsOfOpenApiV2(document: unknown): OpenApiV2Part {
  if (!isJsonObject(document) || !isJsonObject(document["paths"])) throw new Error("this is no OpenAPI document");
  const shared = membersOf(document["parameters"]);
  const resolve = (reference: string): unknown =>
    reference.startsWith(parameterPrefix) ? shared.get(reference.slice(parameterPrefix.length)) : undefined;
  const paths = new Map([...membersOf(document["paths"])].filter(([path]) => path.startsWith("/apis/")));
  const inlined = [...paths].map(([path, item]) => [path, rewrite(item, resolve) as Definition] as const);
  return withUsed(new Map(inlined), membersOf(document["definitions"]));
}

/** The document with what the parts add, in their order. Nothing that is given is changed. */
export function mergeOpenApiV2<T extends OpenApiV2Part>(document: T, parts: readonly OpenApiV2Part[]): T {
  const paths = new Map(Object.entries(document.paths));
  const definitions = new Map(Object.entries(document.definitions));
  for (const part of parts) addPart(paths, definitions, part);
  return { ...document, paths: Object.fromEntries(paths), definitions: Object.fromEntries(definitions) };
}

function addPart(paths: Map<string, Definition>, definitions: Map<string, Definition>, part: OpenApiV2Part): void {
  const free = Object.entries(part.paths).filter(([path]) => !paths.has(path));
  if (free.length === 0) return;
  const added = withUsed(new Map(free), new Map(Object.entries(part.definitions)));
  const names = namesFor(added.definitions, definitions);
  const renamed = (value: unknown): Definition =>
    rewrite(value, (reference) => {
      const name = names.get(reference.slice(definitionPrefix.length));
      return reference.startsWith(definitionPrefix) && name !== undefined
        ? { $ref: definitionPrefix + name }
        : undefined;
    }) as Definition;
  for (const [path, item] of Object.entries(added.paths)) paths.set(path, renamed(item));
  for (const [name, definition] of Object.entries(added.definitions)) {
    const place = names.get(name) ?? name;
    const there = definitions.get(place);
    definitions.set(place, there ? withKinds(there, definition) : renamed(definition));
  }
}

/** New names for definitions that differ from one of the same name that is there; who was renamed alike before shares the name. */
function namesFor(
  added: OpenApiV2Part["definitions"],
  there: ReadonlyMap<string, Definition>,
): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const taken = new Set<string>();
  for (const [name, definition] of Object.entries(added)) {
    const fits = (place: string): boolean => {
      const other = there.get(place);
      if (other) return isAlike(other, definition);
      return place === name || (!taken.has(place) && !Object.hasOwn(added, place));
    };
    if (fits(name)) continue;
    let number = 2;
    while (!fits(`${name}_v${number}`)) number += 1;
    names.set(name, `${name}_v${number}`);
    taken.add(`${name}_v${number}`);
  }
  return names;
}

function isAlike({ [kindsOf]: _one, ...left }: Definition, { [kindsOf]: _other, ...right }: Definition): boolean {
  return jsonEqual(left, right);
}

/** One definition for the kinds of both. */
function withKinds(there: Definition, added: Definition): Definition {
  const before = listOf(there[kindsOf]);
  const more = listOf(added[kindsOf]).filter((kind) => !before.some((other) => jsonEqual(kind, other)));
  return more.length === 0 ? there : { ...there, [kindsOf]: [...before, ...more] };
}

/** The paths with those of the definitions that they refer to, themselves or by others. */
function withUsed(paths: ReadonlyMap<string, Definition>, definitions: ReadonlyMap<string, Definition>): OpenApiV2Part {
  const used = new Set<string>();
  const left: unknown[] = [...paths.values()];
  const note = (reference: string): undefined => {
    const name = reference.slice(definitionPrefix.length);
    const definition = reference.startsWith(definitionPrefix) ? definitions.get(name) : undefined;
    if (definition === undefined || used.has(name)) return;
    used.add(name);
    left.push(definition);
  };
  for (let next = left.pop(); next !== undefined; next = left.pop()) rewrite(next, note);
  return {
    paths: Object.fromEntries(paths),
    definitions: Object.fromEntries([...definitions].filter(([name]) => used.has(name))),
  };
}

/** Members that hold values by names which anybody may choose: a name among them is no word of OpenAPI. */
const named: ReadonlySet<string> = new Set(["definitions", "patternProperties", "properties", "responses"]);
/** Members that hold values of the API, in which nothing refers to a definition. */
const opaque: ReadonlySet<string> = new Set(["default", "enum", "example", "examples"]);

/** A copy in which every reference is what `change` makes of it; undefined leaves it. */
function rewrite(value: unknown, change: (reference: string) => unknown, isNamed = false): unknown {
  if (Array.isArray(value)) return value.map((item) => rewrite(item, change));
  if (!isJsonObject(value)) return value;
  const reference = value["$ref"];
  const changed = !isNamed && typeof reference === "string" ? change(reference) : undefined;
  if (isJsonObject(changed) && !("$ref" in changed)) return changed;
  const parts = Object.entries({ ...value, ...(isJsonObject(changed) && changed) }).map(([name, part]) => {
    const isKept = !isNamed && (opaque.has(name) || name.startsWith("x-"));
    return [name, isKept ? part : rewrite(part, change, !isNamed && named.has(name))] as const;
  });
  return Object.fromEntries(parts);
}

function membersOf(value: unknown): ReadonlyMap<string, Definition> {
  const members = isJsonObject(value) ? Object.entries(value) : [];
  return new Map(members.filter((entry): entry is [string, Definition] => isJsonObject(entry[1])));
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
