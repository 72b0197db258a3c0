// Node selectors: terms are alternatives, the requirements of a term hold together (core/v1 `NodeSelector`). Read once for each
// selector; reading is remembered by object, since pods of one template share theirs.
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { NodeSelector, NodeSelectorRequirement, NodeSelectorTerm } from "@coxswain/api/core/v1";
import type { NodeView } from "./resources.ts";

type Requirement = DeepReadonly<NodeSelectorRequirement>;
export type TermView = DeepReadonly<NodeSelectorTerm>;

export function matchesNodeSelector(selector: DeepReadonly<NodeSelector>, node: NodeView): boolean {
  for (const term of selector.nodeSelectorTerms) if (matchesTerm(term, node)) return true;
  return false;
}

/** A term without any requirement matches nothing. */
export function matchesTerm({ matchExpressions, matchFields }: TermView, node: NodeView): boolean {
  if ((matchExpressions?.length ?? 0) + (matchFields?.length ?? 0) === 0) return false;
  for (const requirement of matchExpressions ?? [])
    if (!meets(requirement, node.metadata.labels?.[requirement.key])) return false;
  for (const requirement of matchFields ?? [])
    if (requirement.key !== "metadata.name" || !meets(requirement, node.metadata.name)) return false;
  return true;
}

/** The only nodes that a selector can mean, where every term names some; otherwise undefined. */
export function namedNodes(selector: DeepReadonly<NodeSelector>): ReadonlySet<string> | undefined {
  const names = new Set<string>();
  for (const { matchFields = [] } of selector.nodeSelectorTerms) {
    const lists = matchFields
      .filter(({ key, operator }) => key === "metadata.name" && operator === "In")
      .map(({ values = [] }) => values);
    const [first, ...others] = lists;
    if (first === undefined) return undefined;
    for (const name of first) if (others.every((list) => list.includes(name))) names.add(name);
  }
  return selector.nodeSelectorTerms.length === 0 ? undefined : names;
}

function meets({ operator, values = [] }: Requirement, found: string | undefined): boolean {
  switch (operator) {
    case "In":
      return found !== undefined && values.includes(found);
    case "NotIn":
      return found === undefined || !values.includes(found);
    case "Exists":
      return found !== undefined;
    case "DoesNotExist":
      return found === undefined;
    case "Gt":
    case "Lt": {
      const [limit] = values;
      if (found === undefined || limit === undefined || !/^-?\d+$/.test(found) || !/^-?\d+$/.test(limit)) return false;
      return operator === "Gt" ? BigInt(found) > BigInt(limit) : BigInt(found) < BigInt(limit);
    }
    default:
      return false;
  }
}
