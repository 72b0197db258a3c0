// From what a person types ("deploy", "pods", "Service", "deployments.apps") to a resource of this server.
import type { ApiObject, ResourceDescriptor } from "@coxswain/apimachinery";
import { nearest } from "@coxswain/apimachinery";
import type { Discovery } from "@coxswain/client";
import { CommandError } from "./failure.ts";

export function findResource(discovery: Discovery, typed: string): ResourceDescriptor<ApiObject> {
  const [name = "", ...groupParts] = typed.toLowerCase().split(".");
  const group = groupParts.length > 0 ? groupParts.join(".") : undefined;
  const matches = discovery.resources.filter(({ descriptor, shortNames }) => {
    if (group !== undefined && descriptor.group !== group) return false;
    return [descriptor.resource, descriptor.singular, descriptor.kind.toLowerCase(), ...shortNames].includes(name);
  });
  const best = matches.find((match) => match.preferred) ?? matches[0];
  if (best) return best.descriptor;
  const known = discovery.resources.map(({ descriptor }) => descriptor.resource);
  const hint = nearest(name, known);
  const guess = hint === undefined ? "" : `; did you mean "${hint}"?`;
  throw new CommandError(`the server doesn't have a resource type "${typed}"${guess}`);
}

/** The resource of an object in a manifest. */
export function resourceOfObject(discovery: Discovery, object: ApiObject): ResourceDescriptor<ApiObject> {
  const found = discovery.resources.find(({ descriptor }) => {
    const apiVersion = descriptor.group === "" ? descriptor.version : `${descriptor.group}/${descriptor.version}`;
    return descriptor.kind === object.kind && apiVersion === object.apiVersion;
  });
  if (!found) throw new CommandError(`no matches for kind "${object.kind}" in version "${object.apiVersion}"`);
  return found.descriptor;
}

/** "deploy/web" or ["deploy", "web", "api"] as one resource and its names. */
export function splitTargets(words: readonly string[]): { readonly type: string; readonly names: readonly string[] }[] {
  const [first, ...rest] = words;
  if (first === undefined) throw new CommandError("which resource? For example: cox get pods");
  if (!first.includes("/")) return [{ type: first, names: rest }];
  return words.map((word) => {
    const [type = "", name = "", ...more] = word.split("/");
    if (type === "" || name === "" || more.length > 0) throw new CommandError(`expected TYPE/NAME, found "${word}"`);
    return { type, names: [name] };
  });
}

/** Path of a collection, or of one object in it. */
export function pathOf(
  descriptor: ResourceDescriptor<ApiObject>,
  namespace: string | undefined,
  name?: string,
): string {
  const root =
    descriptor.group === "" ? `/api/${descriptor.version}` : `/apis/${descriptor.group}/${descriptor.version}`;
  const scope = descriptor.namespaced && namespace !== undefined ? `/namespaces/${namespace}` : "";
  return `${root}${scope}/${descriptor.resource}${name === undefined ? "" : `/${encodeURIComponent(name)}`}`;
}
