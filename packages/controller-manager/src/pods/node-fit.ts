// Whether a pod's template may run on a node, as far as node selectors, affinity and taints go. Resources are the scheduler's.
import type { Node, NodeSelectorTerm, PodSpec, Taint, Toleration } from "@coxswain/api/core/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { tolerates } from "../controllers/taint-eviction/plan.ts";

type ReadonlyNode = DeepReadonly<Node>;

export function selectsNode(spec: DeepReadonly<PodSpec> | undefined, node: ReadonlyNode): boolean {
  const labels = node.metadata.labels ?? {};
  if (spec?.nodeName && spec.nodeName !== node.metadata.name) return false;
  if (!Object.entries(spec?.nodeSelector ?? {}).every(([key, value]) => labels[key] === value)) return false;
  const required = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || required.nodeSelectorTerms.some((term) => meetsTerm(term, node));
}

/** The taints with one of these effects that are not tolerated. */
export function untolerated(
  tolerations: readonly DeepReadonly<Toleration>[],
  node: ReadonlyNode,
  effects: readonly string[],
): readonly DeepReadonly<Taint>[] {
  const relevant = (node.spec?.taints ?? []).filter((taint) => effects.includes(taint.effect));
  return relevant.filter((taint) => !tolerations.some((toleration) => tolerates(toleration, taint)));
}

function meetsTerm(term: DeepReadonly<NodeSelectorTerm>, node: ReadonlyNode): boolean {
  const { matchExpressions = [], matchFields = [] } = term;
  if (matchExpressions.length === 0 && matchFields.length === 0) return false; // an empty term matches nothing
  const labels = node.metadata.labels ?? {};
  return (
    matchExpressions.every(({ key, operator, values }) => meets(labels[key], operator, values ?? [])) &&
    matchFields.every(({ key, operator, values }) =>
      meets(key === "metadata.name" ? node.metadata.name : undefined, operator, values ?? []),
    )
  );
}

function meets(value: string | undefined, operator: string, values: readonly string[]): boolean {
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "Gt":
      return value !== undefined && Number(value) > Number(values[0]);
    case "Lt":
      return value !== undefined && Number(value) < Number(values[0]);
    default:
      return false;
  }
}
