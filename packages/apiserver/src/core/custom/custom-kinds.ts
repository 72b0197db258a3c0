// All kinds that definitions have brought at this moment. Whoever keeps something made of them looks at `generation` to see whether it still holds.
import type { CustomResourceDefinition } from "@coxswain/api/apiextensions/v1";
import type { ApiObject } from "@coxswain/apimachinery";
import type { Kind } from "../registry/kind.ts";
import type { ConversionPorts } from "./conversion-review.ts";
import { customKinds } from "./custom-kind.ts";

export interface CustomKinds {
  /** Rises with every change. */
  readonly generation: number;
  readonly all: readonly Kind[];
  find(group: string, version: string, resource: string): Kind | undefined;
  /** Of a served version; undefined takes the definition away. */
  put(name: string, definition: CustomResourceDefinition | undefined): void;
}

/** The ports are for definitions whose versions a webhook converts. */
export function createCustomKinds(ports: ConversionPorts): CustomKinds {
  const byDefinition = new Map<string, { readonly seen: string; readonly kinds: readonly Kind[] }>();
  let byResource = new Map<string, Kind>();
  let all: readonly Kind[] = [];
  let generation = 0;
  const collect = (): void => {
    generation += 1;
    all = [...byDefinition.keys()].toSorted().flatMap((name) => byDefinition.get(name)?.kinds ?? []);
    byResource = new Map(all.map((kind) => [`${kind.group}/${kind.version}/${kind.resource}`, kind]));
  };
  return {
    get generation() {
      return generation;
    },
    get all() {
      return all;
    },
    find: (group, version, resource) => byResource.get(`${group}/${version}/${resource}`),
    put(name, definition) {
      if (!definition || !isEstablished(definition)) {
        if (byDefinition.delete(name)) collect();
        return;
      }
      // What the kinds are made of: a change of anything else leaves them as they are.
      const { metadata, spec, status } = definition;
      const seen = JSON.stringify([metadata.uid, metadata.deletionTimestamp, spec, status?.acceptedNames]);
      if (byDefinition.get(name)?.seen === seen) return;
      byDefinition.set(name, { seen, kinds: customKinds(definition, ports) });
      collect();
    },
  };
}

export function isEstablished(definition: CustomResourceDefinition): boolean {
  return (
    definition.status?.conditions?.some(({ type, status }) => type === "Established" && status === "True") === true
  );
}

export const definitionResource = { group: "apiextensions.k8s.io", resource: "customresourcedefinitions" } as const;

export function isDefinition(object: ApiObject): object is CustomResourceDefinition {
  return object.kind === "CustomResourceDefinition";
}
