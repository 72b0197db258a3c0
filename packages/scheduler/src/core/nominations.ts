// Pods for which room is being made on a node, by preemption. Whoever is less important must leave that room alone. The
// nomination ends when the pod is placed, goes, or is nominated elsewhere.
import { placedPod } from "./placed-pod.ts";
import type { PlacedPod } from "./placed-pod.ts";
import type { PodView } from "./resources.ts";

export interface Nominations {
  readonly size: number;
  set(pod: PodView, nodeName: string): void;
  remove(key: string): void;
  nodeOf(key: string): string | undefined;
  /** The pods nominated to a node that are at least as important, without the one that asks. */
  atLeast(nodeName: string, priority: number, asking: string): readonly PlacedPod[];
  below(nodeName: string, priority: number): readonly PlacedPod[];
}

const nobody: readonly PlacedPod[] = [];

export function createNominations(changed: (nodeName: string) => void): Nominations {
  const nodes = new Map<string, string>();
  const byNode = new Map<string, Map<string, PlacedPod>>();

  const remove = (key: string): void => {
    const nodeName = nodes.get(key);
    if (nodeName === undefined) return;
    nodes.delete(key);
    const here = byNode.get(nodeName);
    here?.delete(key);
    if (here?.size === 0) byNode.delete(nodeName);
    changed(nodeName);
  };

  return {
    get size() {
      return nodes.size;
    },
    remove,
    nodeOf: (key) => nodes.get(key),
    set(pod, nodeName) {
      const placed = placedPod(pod);
      remove(placed.key);
      nodes.set(placed.key, nodeName);
      const here = byNode.get(nodeName) ?? new Map<string, PlacedPod>();
      here.set(placed.key, placed);
      byNode.set(nodeName, here);
      changed(nodeName);
    },
    atLeast(nodeName, priority, asking) {
      const here = byNode.get(nodeName);
      if (here === undefined) return nobody;
      return [...here.values()].filter((one) => one.priority >= priority && one.key !== asking);
    },
    below(nodeName, priority) {
      const here = byNode.get(nodeName);
      return here === undefined ? nobody : [...here.values()].filter((one) => one.priority < priority);
    },
  };
}
