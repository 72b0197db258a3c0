// Replacements and vars: values of one object put into others.
import { readFileSync } from "node:fs";
import { CommandError } from "../failure.ts";
import type { Obj } from "../resource/api.ts";
import { isRecord } from "../resource/manifests.ts";
import { decodeYaml } from "../resource/yaml.ts";
import { changeAt, stepsOf, valueAt } from "./fields.ts";
import { isMeant, through } from "./resource.ts";
import type { Res } from "./resource.ts";
import type { FieldOptions, Kustomization, Replacement, Target, Var } from "./types.ts";

export function replaceAll(
  list: readonly Res[],
  { replacements = [] }: Kustomization,
  pathOf: (path: string) => string,
): Res[] {
  const all = replacements.flatMap((entry): readonly Replacement[] => {
    if (entry.path === undefined) return [entry];
    const value = decodeYaml(readFileSync(pathOf(entry.path), "utf8"));
    return (Array.isArray(value) ? value : [value]) as Replacement[];
  });
  return all.reduce<Res[]>((current, each) => replaceOne(current, each), [...list]);
}

/** Names of sources are names, not patterns. */
const exactly = ({ name, namespace, ...rest }: Target): Target => ({
  ...rest,
  ...(name === undefined ? {} : { name: escaped(name) }),
  ...(namespace === undefined ? {} : { namespace: escaped(namespace) }),
});
const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

function replaceOne(list: Res[], { source, targets }: Replacement): Res[] {
  const found = list.filter((res) => isMeant(exactly(source), res));
  const [from] = found;
  if (from === undefined)
    throw new CommandError(`nothing selected by ${describe(source)}:${source.fieldPath ?? "metadata.name"}`);
  if (found.length > 1) throw new CommandError(`multiple matches for selector ${describe(source)}`);
  const path = source.fieldPath ?? "metadata.name";
  const whole = valueAt(from.object, stepsOf(path));
  if (whole === undefined)
    throw new CommandError(`fieldPath \`${path}\` is missing for replacement source ${describe(source)}`);
  const value = partOf(whole, source.options);
  return targets.reduce<Res[]>((current, { select, reject = [], fieldPaths, options = {} }) => {
    if (select === undefined) throw new CommandError("target must specify resources to select");
    return current.map((res) => {
      if (!isMeant(select, res) || reject.some((each) => isMeant(each, res))) return res;
      const [changed] = through([res], ([object]) => [
        (fieldPaths ?? ["metadata.name"]).reduce((now, field) => put(now, field, value, options), object as Obj),
      ]);
      return changed ?? res;
    });
  }, list);
}

const describe = ({
  group = "[noGrp]",
  version = "[noVer]",
  kind = "[noKind]",
  name = "[noName]",
  namespace = "[noNs]",
}: Target): string => `${kind}.${version}.${group}/${name}.${namespace}`;

function partOf(value: unknown, { delimiter, index = 0 }: FieldOptions = {}): unknown {
  if (delimiter === undefined || delimiter === "") return value;
  const parts = String(value as string).split(delimiter);
  if (index < 0 || index >= parts.length)
    throw new CommandError(`options.index ${index} is out of bounds for value ${String(value as string)}`);
  return parts[index];
}

function put(object: Obj, field: string, value: unknown, { delimiter, index = 0, create = false }: FieldOptions): Obj {
  let hits = 0;
  const changed = changeAt(object, stepsOf(field), create, (old) => {
    hits += 1;
    if (delimiter === undefined || delimiter === "") return ofType(value, old, field);
    const parts = String(old as string).split(delimiter);
    const text = String(value as string);
    if (index < 0) parts.unshift(text);
    else if (index >= parts.length) parts.push(text);
    else parts[index] = text;
    return parts.join(delimiter);
  });
  if (hits === 0 && !/\*/.test(field))
    throw new CommandError(`unable to find field ${JSON.stringify(field)} in replacement target`);
  return changed as Obj;
}

/** A number becomes a text where there was a text, and the other way round. */
function ofType(value: unknown, old: unknown, field: string): unknown {
  const text = typeof old === "string" || (old === undefined && /^metadata\.(annotations|labels)\./.test(field));
  if (text && ["number", "boolean"].includes(typeof value)) return String(value as number);
  if (typeof old === "number" && typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value)) return Number(value);
  return value;
}

/** $(NAME) in specs and notes becomes what the var refers to; names that are none stay. */
export function resolveVars(list: readonly Res[], vars: readonly Var[]): Res[] {
  if (vars.length === 0) return [...list];
  const values = new Map(
    vars.map(({ name, objref, fieldref }) => {
      const source = list.find(
        (res) =>
          res.object.kind === objref.kind &&
          (objref.apiVersion === undefined || res.object.apiVersion === objref.apiVersion) &&
          [res.object.metadata, ...res.former].some((id) => id.name === objref.name),
      );
      if (source === undefined)
        throw new CommandError(`var '${name}' cannot be mapped to a field in the set of known resources`);
      const path = fieldref?.fieldpath ?? fieldref?.fieldPath ?? "metadata.name";
      const steps = stepsOf(path.replace(/\[(\d+)\]/g, ".$1"));
      const value = valueAt(source.object, steps);
      if (value === undefined || typeof value === "object")
        throw new CommandError(`field specified in var '${name}' not found in corresponding resource`);
      return [name, value] as const;
    }),
  );
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk);
    if (isRecord(value)) return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, walk(inner)]));
    if (typeof value !== "string") return value;
    const whole = values.get(/^\$\(([^)]*)\)$/.exec(value)?.[1] ?? "");
    if (whole !== undefined) return whole;
    return value.replace(/\$\(([^)]*)\)/g, (same, name: string) =>
      values.has(name) ? String(values.get(name) as string) : same,
    );
  };
  return through(list, (objects) =>
    objects.map((object) => {
      const { labels, annotations } = object.metadata;
      return {
        ...object,
        ...(object["spec"] === undefined ? {} : { spec: walk(object["spec"]) }),
        metadata: {
          ...object.metadata,
          ...(labels === undefined ? {} : { labels: walk(labels) as Record<string, string> }),
          ...(annotations === undefined ? {} : { annotations: walk(annotations) as Record<string, string> }),
        },
      };
    }),
  );
}
