// From what a person types ("deploy", "pods", "Service", "deployments.v1.apps", "all") to resources of this server. Asks nobody.
import { apiVersionOf, nearest } from "@coxswain/apimachinery";
import type { ApiObject, ResourceDescriptor } from "@coxswain/apimachinery";
import type { DiscoveredResource, Discovery } from "@coxswain/client";
import { CommandError } from "../failure.ts";

export type Descriptor = ResourceDescriptor<ApiObject>;

export interface Mapper {
  readonly discovery: Discovery;
  /** Throws with a guess at what was meant. */
  find(typed: string): Promise<Descriptor>;
  /** The same, but undefined where nothing fits. */
  lookup(typed: string): Promise<Descriptor | undefined>;
  /** The resources of a category ("all"), or undefined when there is no such category. */
  category(name: string): readonly Descriptor[] | undefined;
  ofObject(object: { readonly apiVersion: string; readonly kind: string }): Promise<Descriptor>;
}

/** `refresh` asks the server anew; it is called once, when something is not found in what was remembered. */
export function createMapper(discovery: Discovery, refresh?: () => Promise<Discovery>): Mapper {
  let known = discovery;
  let mayRefresh = refresh !== undefined;
  const again = async <T>(look: () => T | undefined): Promise<T | undefined> => {
    const found = look();
    if (found !== undefined || !mayRefresh || refresh === undefined) return found;
    mayRefresh = false;
    known = await refresh();
    return look();
  };
  const lookup = (typed: string): Promise<Descriptor | undefined> => again(() => match(known.resources, typed));
  return {
    get discovery() {
      return known;
    },
    lookup,
    async find(typed) {
      const found = await lookup(typed);
      if (found) return found;
      const words = known.resources.flatMap(({ descriptor, shortNames }) => [descriptor.resource, ...shortNames]);
      const guess = nearest(typed.toLowerCase().split(".")[0] ?? "", words);
      throw new CommandError(
        `the server doesn't have a resource type "${typed}"${guess === undefined ? "" : `\n\nDid you mean this?\n\t${guess}`}`,
      );
    },
    category(name) {
      const members = known.resources.filter((each) => each.categories.includes(name) && each.preferred);
      return members.length === 0 ? undefined : members.map(({ descriptor }) => descriptor);
    },
    async ofObject({ apiVersion, kind }) {
      const found = await again(() =>
        known.resources.find(({ descriptor }) => descriptor.kind === kind && apiVersionOf(descriptor) === apiVersion),
      );
      if (found) return found.descriptor;
      throw new NoMatchError(kind, apiVersion);
    },
  };
}

/** No resource of the server has this kind: a misspelt manifest, or a definition that has not been created yet. */
export class NoMatchError extends CommandError {
  constructor(kind: string, apiVersion: string) {
    super(
      `resource mapping not found: no matches for kind "${kind}" in version "${apiVersion}"\nensure CRDs are installed first`,
    );
  }
}

function match(resources: readonly DiscoveredResource[], typed: string): Descriptor | undefined {
  const word = typed.toLowerCase();
  const [name = "", ...rest] = word.split(".");
  const named = resources.filter(
    ({ descriptor, shortNames }) =>
      descriptor.resource === name || descriptor.singular === name || shortNames.includes(name),
  );
  if (rest.length === 0) return (named.find((each) => each.preferred) ?? named[0])?.descriptor;
  // "deployments.v1.apps" before "deployments.apps", as kubectl tries them.
  const [version = "", ...group] = rest;
  const exact = named.find(({ descriptor }) => descriptor.version === version && descriptor.group === group.join("."));
  if (exact) return exact.descriptor;
  const inGroup = named.filter(({ descriptor }) => descriptor.group === rest.join("."));
  return (inGroup.find((each) => each.preferred) ?? inGroup[0])?.descriptor;
}

/** "deployment.apps/web": how results name an object. */
export function nameOf(descriptor: Descriptor, name: string): string {
  return `${kindName(descriptor)}/${name}`;
}

/** "deployment.apps". */
export function kindName(descriptor: Descriptor): string {
  const kind = descriptor.kind.toLowerCase();
  return descriptor.group === "" ? kind : `${kind}.${descriptor.group}`;
}
