// One object on its way through kustomizations: what it is, the names it had before, and whether its name will end with its content's hash.
import type { Obj } from "../resource/api.ts";
import type { Target } from "./types.ts";
import { parseLabelSelector } from "@coxswain/apimachinery";

export interface Res {
  readonly object: Obj;
  /** The first first: what refers to it, patches it or merges into it may use any of them. */
  readonly former: readonly { readonly name: string; readonly namespace: string | undefined }[];
  readonly hashed: boolean;
}

const idOf = ({ metadata: { name, namespace } }: Obj): Res["former"][number] => ({ name, namespace });

export const resOf = (object: Obj, hashed = false): Res => ({ object, former: [idOf(object)], hashed });

/** Changes the objects, one for one. */
export function through(list: readonly Res[], change: (objects: readonly Obj[]) => readonly Obj[]): Res[] {
  const changed = change(list.map(({ object }) => object));
  return list.map((res, at) => {
    const object = changed[at] ?? res.object;
    const [now, last] = [idOf(object), res.former.at(-1)];
    const same = now.name === last?.name && now.namespace === last?.namespace;
    return { ...res, object, former: same ? res.former : [...res.former, now] };
  });
}

/** True for whom the target means, by any name it has had. Its texts are patterns for the whole of a name. */
export function isMeant(target: Target | undefined, { object, former }: Res): boolean {
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
    [...former, idOf(object)].some(
      ({ name, namespace }) => fits(target.name, name) && fits(target.namespace, namespace ?? ""),
    ) &&
    selects(target.labelSelector, object.metadata.labels) &&
    selects(target.annotationSelector, object.metadata.annotations)
  );
}

/** The name that an object of this kind has now, of whichever name it once had; a name that nobody had, or several had, stays. */
export function newName(list: readonly Res[], kind: string, name: string): string {
  const ofKind = list.filter(({ object }) => object.kind === kind);
  if (ofKind.some(({ object }) => object.metadata.name === name)) return name;
  // The latest name wins: who was called so a moment ago is meant rather than who began so.
  const had = (depth: number): readonly Res[] => ofKind.filter(({ former }) => former.at(-depth)?.name === name);
  const deepest = Math.max(0, ...ofKind.map(({ former }) => former.length));
  for (let depth = 1; depth <= deepest; depth += 1) {
    const found = new Set(had(depth).map(({ object }) => object.metadata.name));
    if (found.size > 1) return name;
    for (const one of found) return one;
  }
  return name;
}
