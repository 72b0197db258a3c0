// Places in objects, as kustomize writes them: "spec/containers[]/image" of its configurations, "spec.containers.[name=web].image" of its
// replacements. Values are changed in copies.
import { CommandError } from "../failure.ts";
import type { Obj } from "../resource/api.ts";
import { isRecord } from "../resource/manifests.ts";
import type { FieldSpec } from "./types.ts";

/** Changes what stands at a path with slashes; the way there is made where the spec says so. */
export function atSpec(object: Obj, spec: FieldSpec, value: (old: unknown) => unknown): Obj {
  const [group = "", version = ""] = object.apiVersion.includes("/")
    ? object.apiVersion.split("/")
    : ["", object.apiVersion];
  const fits = (wanted: string | undefined, own: string): boolean =>
    wanted === undefined || wanted === "" || wanted === own;
  if (!fits(spec.kind, object.kind) || !fits(spec.group, group) || !fits(spec.version, version)) return object;
  const names = spec.path.split(/(?<!\\)\//).map((name) => name.replaceAll("\\/", "/"));
  const step = (node: unknown, at: number): unknown => {
    if (Array.isArray(node)) return node.map((item) => step(item, at));
    const name = names[at];
    if (name === undefined) return value(node);
    if (!isRecord(node) && (node !== undefined || spec.create !== true)) return node;
    const key = name.replace(/\[\]$/, "");
    const inner = step(isRecord(node) ? node[key] : undefined, at + 1);
    return inner === undefined ? node : { ...(isRecord(node) ? node : {}), [key]: inner };
  };
  return step(object, 0) as Obj;
}

/** "a.b\.c.[name=x].0.*" in its steps. */
export function stepsOf(path: string): readonly string[] {
  const steps: string[] = [];
  let [step, depth] = ["", 0];
  for (let at = 0; at < path.length; at += 1) {
    const sign = path[at] ?? "";
    if (sign === "\\" && path[at + 1] === ".") {
      step += ".";
      at += 1;
    } else if (sign === "." && depth === 0) {
      if (step !== "") steps.push(step);
      step = "";
    } else {
      if (sign === "[") depth += 1;
      if (sign === "]") depth -= 1;
      step += sign;
    }
  }
  return step === "" ? steps : [...steps, step];
}

const chosenBy = (step: string): readonly [string, string] | undefined => {
  const [, key, value] = /^\[([^=\]]*)=(.*)\]$/.exec(step) ?? [];
  return key === undefined || value === undefined ? undefined : [key, value];
};
const plainKey = (step: string): string => /^\[(.*)\]$/.exec(step)?.[1] ?? step;

/** The value at a path; undefined where there is none. */
export function valueAt(node: unknown, steps: readonly string[]): unknown {
  const [step, ...rest] = steps;
  if (step === undefined) return node;
  if (Array.isArray(node)) {
    const choice = chosenBy(step);
    const items: readonly unknown[] = node;
    return valueAt(
      choice === undefined
        ? items[step === "-" ? items.length - 1 : Number(step)]
        : items.find(
            (item) => (choice[0] === "" ? String(item) : isRecord(item) && String(item[choice[0]])) === choice[1],
          ),
      rest,
    );
  }
  return isRecord(node) ? valueAt(node[plainKey(step)], rest) : undefined;
}

/** A copy in which what stands at the path is changed; `hit` is told of each. What is missing is made with `create`. */
export function changeAt(
  node: unknown,
  steps: readonly string[],
  create: boolean,
  value: (old: unknown) => unknown,
): unknown {
  const [step, ...rest] = steps;
  if (step === undefined) return value(node);
  if (Array.isArray(node) || (node === undefined && create && chosenBy(step) !== undefined)) {
    const items: readonly unknown[] = Array.isArray(node) ? node : [];
    if (step === "*") return items.map((item) => changeAt(item, rest, create, value));
    const choice = chosenBy(step);
    if (choice === undefined) {
      const place = step === "-" ? items.length : Number(step);
      if (!Number.isInteger(place)) throw new CommandError(`wrong node kind: a list has no field ${step}`);
      if (place >= items.length && !create) return node;
      return [...items.slice(0, place), changeAt(items[place], rest, create, value), ...items.slice(place + 1)];
    }
    const is = (item: unknown): boolean =>
      (choice[0] === "" ? String(item) : isRecord(item) ? String(item[choice[0]]) : undefined) === choice[1];
    if (items.some(is)) return items.map((item) => (is(item) ? changeAt(item, rest, create, value) : item));
    return create ? [...items, changeAt({ [choice[0]]: choice[1] }, rest, create, value)] : node;
  }
  if (!isRecord(node) && (node !== undefined || !create)) return node;
  const tree = isRecord(node) ? node : {};
  if (step === "*")
    return Object.fromEntries(Object.entries(tree).map(([key, item]) => [key, changeAt(item, rest, create, value)]));
  const key = plainKey(step);
  if (!Object.hasOwn(tree, key) && !create) return node;
  return { ...tree, [key]: changeAt(tree[key], rest, create, value) };
}
