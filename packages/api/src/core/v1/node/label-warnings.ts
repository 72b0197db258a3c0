/** Labels of nodes that have newer names. */
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { NodeSelectorTerm } from "../types.ts";

const deprecations: Readonly<Record<string, string>> = {
  "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
  "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
};

/** Since when a label is not to be used any more; undefined for all others. */
export function labelDeprecation(key: string): string | undefined {
  return Object.hasOwn(deprecations, key) ? deprecations[key] : undefined;
}

/** Warnings of one term of a node selector. */
export function nodeTermWarnings(term: DeepReadonly<NodeSelectorTerm>, path: string): string[] {
  return (term.matchExpressions ?? []).flatMap(({ key }, index) => {
    const why = labelDeprecation(key);
    return why === undefined ? [] : [`${path}.matchExpressions[${index}].key: ${key} is ${why}`];
  });
}
