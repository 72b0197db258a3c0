// Whether a change of a node matters to what rules have worked out about all nodes: its labels, taints and cordon do; its
// heartbeats, conditions and amounts do not.
import type { NodeView } from "./resources.ts";

export function sameNodeLayout(a: NodeView, b: NodeView): boolean {
  return (
    a.metadata.uid === b.metadata.uid &&
    sameShallow(a.metadata.labels, b.metadata.labels) &&
    a.spec?.unschedulable === b.spec?.unschedulable &&
    sameTaints(a, b)
  );
}

export function sameTaints(a: NodeView, b: NodeView): boolean {
  const [left = [], right = []] = [a.spec?.taints, b.spec?.taints];
  return (
    left.length === right.length &&
    left.every(({ key, value, effect }, index) => {
      const other = right[index];
      return key === other?.key && value === other.value && effect === other.effect;
    })
  );
}

export function sameLabels(a: NodeView, b: NodeView): boolean {
  return sameShallow(a.metadata.labels, b.metadata.labels);
}

export function sameShallow(
  a: Readonly<Record<string, string>> | undefined,
  b: Readonly<Record<string, string>> | undefined,
): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  let count = 0;
  for (const key in a) {
    if (a[key] !== b[key]) return false;
    count++;
  }
  for (const _key in b) count--;
  return count === 0;
}
