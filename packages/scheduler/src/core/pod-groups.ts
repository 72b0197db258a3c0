// Which group a pod belongs to without saying so: the selectors of the services that mean it, and of the ReplicaSet,
// StatefulSet or ReplicationController that owns it. Spreading by default is over these groups.
import type { DeepReadonly, LabelSelector } from "@coxswain/apimachinery";
import type { PodView } from "./resources.ts";

export type GroupKind = "Service" | "ReplicationController" | "ReplicaSet" | "StatefulSet";
type Selector = DeepReadonly<LabelSelector>;

export interface PodGroups {
  /** Undefined: the object is gone, or selects nothing. */
  set(kind: GroupKind, namespace: string, name: string, selector: Selector | undefined): void;
  /** All that is selected by everything that has to do with the pod; undefined if nothing has. */
  selectorFor(pod: PodView): Selector | undefined;
}

export function createPodGroups(changed: () => void): PodGroups {
  /** "Service/default" → name → selector. */
  const selectors = new Map<string, Map<string, Selector>>();

  return {
    set(kind, namespace, name, selector) {
      const place = `${kind}/${namespace}`;
      const here = selectors.get(place) ?? new Map<string, Selector>();
      const old = here.get(name);
      if (JSON.stringify(old) === JSON.stringify(selector)) return;
      if (selector === undefined) here.delete(name);
      else here.set(name, selector);
      if (here.size === 0) selectors.delete(place);
      else selectors.set(place, here);
      changed();
    },
    selectorFor(pod) {
      const { namespace = "", labels = {}, ownerReferences = [] } = pod.metadata;
      const matchLabels: Record<string, string> = {};
      const matchExpressions: NonNullable<LabelSelector["matchExpressions"]> = [];
      for (const { matchLabels: wanted = {} } of selectors.get(`Service/${namespace}`)?.values() ?? []) {
        if (Object.entries(wanted).every(([key, value]) => labels[key] === value)) Object.assign(matchLabels, wanted);
      }
      const owner = ownerReferences.find(({ controller }) => controller === true);
      const owned = owner === undefined ? undefined : selectors.get(`${owner.kind}/${namespace}`)?.get(owner.name);
      if (owner?.kind !== "Service" && owned !== undefined) {
        Object.assign(matchLabels, owned.matchLabels);
        for (const { key, operator, values } of owned.matchExpressions ?? [])
          matchExpressions.push({ key, operator, ...(values === undefined ? {} : { values: [...values] }) });
      }
      const empty = Object.keys(matchLabels).length + matchExpressions.length === 0;
      return empty ? undefined : { matchLabels, ...(matchExpressions.length === 0 ? {} : { matchExpressions }) };
    },
  };
}
