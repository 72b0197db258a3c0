// The cluster as the scheduler sees it: nodes with what their pods take, kept up by every change. Pods that were given a
// node here but are not yet seen bound are *assumed*: they count at once, so that no room is given away twice. Pods that
// room is being made for are *nominated*: their room is kept from less important ones.
//
// There is no snapshot to copy: choosing is synchronous, so nothing changes under it. What rules have worked out stays good
// with the help of three things: a node's `generation`, the `journal` of pods that came and went, and the number `layout`,
// which changes when nodes themselves, namespaces or services do.
import { objectKey } from "@coxswain/apimachinery";
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { PodDisruptionBudget } from "@coxswain/api/policy/v1";
import { sameShallow, sameNodeLayout } from "./node-layout.ts";
import { NodeState } from "./node-state.ts";
import { createNominations } from "./nominations.ts";
import type { Nominations } from "./nominations.ts";
import { createPodGroups } from "./pod-groups.ts";
import type { PodGroups } from "./pod-groups.ts";
import { isTerminating, placedPod } from "./placed-pod.ts";
import type { PlacedPod } from "./placed-pod.ts";
import type { NodeView, PodView } from "./resources.ts";
import { createVolumeCatalog } from "./volumes/catalog.ts";
import type { VolumeCatalog } from "./volumes/catalog.ts";

export interface PodChange {
  readonly node: NodeState;
  readonly placed: PlacedPod;
  readonly sign: 1 | -1;
}

export interface Cluster {
  /** Nodes that exist, zones taking turns (Kubernetes' node tree), in the order in which they came. */
  readonly nodes: readonly NodeState[];
  node(name: string): NodeState | undefined;
  /** How many nodes hold an image. */
  nodesWithImage(image: string): number;
  /** Placed pods that have affinity or anti-affinity of their own. */
  podsWithAffinity(): Iterable<readonly [NodeState, PlacedPod]>;
  namespaceLabels(namespace: string): Readonly<Record<string, string>>;
  readonly groups: PodGroups;
  readonly volumes: VolumeCatalog;
}

/** Changes of pods that are remembered; who is further behind starts anew. */
const longestJournal = 16_384;

export class ClusterState implements Cluster {
  readonly #nodes = new Map<string, NodeState>();
  readonly #imageCounts = new Map<string, number>();
  /** Pod key to the node it counts on. */
  readonly #placed = new Map<string, NodeState>();
  readonly #assumed = new Map<string, NodeState>();
  readonly #withAffinity = new Map<string, readonly [NodeState, PlacedPod]>();
  readonly #namespaceLabels = new Map<string, Readonly<Record<string, string>>>();
  readonly #budgets = new Map<string, DeepReadonly<PodDisruptionBudget>>();
  readonly #freeSlots: number[] = [];
  readonly #bySlot: NodeState[] = [];
  #slots = 0;
  #generation = 0;
  #list: readonly NodeState[] | undefined;
  #journal: PodChange[] = [];
  #journalStart = 0;
  /** Changes when what rules have prepared about all nodes is out of date, beyond what the journal tells. */
  layout = 0;
  /** Changes with every budget. */
  budgetVersion = 0;
  readonly nominations: Nominations = createNominations((nodeName) => this.#touch(this.#nodes.get(nodeName)));
  readonly groups: PodGroups = createPodGroups(() => this.layout++);
  readonly volumes: VolumeCatalog = createVolumeCatalog();

  get nodes(): readonly NodeState[] {
    this.#list ??= interleaved([...this.#nodes.values()].filter(({ node }) => node !== undefined));
    return this.#list;
  }

  node(name: string): NodeState | undefined {
    const state = this.#nodes.get(name);
    return state?.node === undefined ? undefined : state;
  }

  /** The node of a slot, which must have this name. */
  nodeAt(slot: number, name: string): NodeState | undefined {
    const state = this.#bySlot[slot];
    return state?.name === name && state.node !== undefined ? state : undefined;
  }

  /** The largest slot of any node, and one more. */
  get slots(): number {
    return this.#slots;
  }

  get podCount(): number {
    return this.#placed.size;
  }

  get assumedCount(): number {
    return this.#assumed.size;
  }

  /** The node that a pod counts on. */
  nodeOf(key: string): string | undefined {
    return this.#placed.get(key)?.name;
  }

  placed(key: string): PlacedPod | undefined {
    return this.#placed.get(key)?.pods.get(key);
  }

  isAssumed(key: string): boolean {
    return this.#assumed.has(key);
  }

  nodesWithImage(image: string): number {
    return this.#imageCounts.get(image) ?? 0;
  }

  podsWithAffinity(): Iterable<readonly [NodeState, PlacedPod]> {
    return this.#withAffinity.values();
  }

  namespaceLabels(namespace: string): Readonly<Record<string, string>> {
    return this.#namespaceLabels.get(namespace) ?? {};
  }

  get budgets(): Iterable<DeepReadonly<PodDisruptionBudget>> {
    return this.#budgets.values();
  }

  /** Where the journal ends now. */
  get journalEnd(): number {
    return this.#journalStart + this.#journal.length;
  }

  /** Tells what changed since; false if that is not remembered any more. */
  replay(since: number, tell: (change: PodChange) => void): boolean {
    if (since < this.#journalStart) return false;
    for (let i = since - this.#journalStart; i < this.#journal.length; i++) tell(this.#journal[i] as PodChange);
    return true;
  }

  setNamespace(name: string, labels: Readonly<Record<string, string>> | undefined): void {
    if (sameShallow(this.#namespaceLabels.get(name), labels)) return;
    if (labels === undefined) this.#namespaceLabels.delete(name);
    else this.#namespaceLabels.set(name, labels);
    this.layout++;
  }

  setBudget(key: string, budget: DeepReadonly<PodDisruptionBudget> | undefined): void {
    if (budget === undefined) this.#budgets.delete(key);
    else this.#budgets.set(key, budget);
    this.budgetVersion++;
  }

  setNode(node: NodeView): void {
    const state = this.#state(node.metadata.name);
    const old = state.node;
    if (old === undefined || zoneOf(old) !== zoneOf(node)) this.#list = undefined;
    if (old === undefined || !sameNodeLayout(old, node)) this.layout++;
    this.#countImages(state, -1);
    state.setNode(node);
    this.#countImages(state, 1);
    this.#touch(state);
  }

  removeNode(name: string): void {
    const state = this.#nodes.get(name);
    if (state === undefined) return;
    this.#countImages(state, -1);
    state.setNode(undefined);
    this.#touch(state);
    this.#list = undefined;
    this.layout++;
    this.#dropIfEmpty(state);
  }

  /** A pod as the API shows it now. It counts while it has a node and has not ended. */
  setPod(pod: PodView): void {
    const key = objectKey(pod);
    const nodeName = pod.spec?.nodeName;
    if (nodeName === undefined || nodeName === "") return;
    this.#assumed.delete(key);
    this.nominations.remove(key);
    const ended = pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
    const placed = placedPod(pod);
    const at = this.#placed.get(key);
    const known = at?.pods.get(key);
    if (!ended && at?.name === nodeName && known !== undefined && sameForRules(known, placed)) {
      at.pods.set(key, placed);
      if (placed.terms !== undefined) this.#withAffinity.set(key, [at, placed]);
      return;
    }
    this.#take(key);
    if (!ended) this.#place(placed, nodeName);
  }

  removePod(key: string): void {
    this.#take(key);
    this.#assumed.delete(key);
    this.nominations.remove(key);
  }

  /** Counts a pod on the node that was chosen for it, before the API shows it there. */
  assume(pod: PodView, nodeName: string): void {
    const placed = placedPod(pod);
    this.#take(placed.key);
    this.nominations.remove(placed.key);
    this.#assumed.set(placed.key, this.#place(placed, nodeName));
  }

  /** The binding failed. No effect once the API has shown the pod bound, or on another pod of the same name. */
  forget(pod: PodView): void {
    const key = objectKey(pod);
    const counted = this.#assumed.get(key)?.pods.get(key);
    if (counted === undefined || counted.pod.metadata.uid !== pod.metadata.uid) return;
    this.#assumed.delete(key);
    this.#take(key);
  }

  #place(placed: PlacedPod, nodeName: string): NodeState {
    const state = this.#state(nodeName);
    state.add(placed);
    this.#placed.set(placed.key, state);
    if (placed.terms !== undefined) this.#withAffinity.set(placed.key, [state, placed]);
    this.volumes.use(placed.pod, nodeName);
    this.#record({ node: state, placed, sign: 1 });
    return state;
  }

  #take(key: string): void {
    const state = this.#placed.get(key);
    const placed = state?.pods.get(key);
    if (state === undefined || placed === undefined) return;
    this.#placed.delete(key);
    this.#withAffinity.delete(key);
    state.remove(placed);
    this.volumes.release(placed.pod);
    this.#record({ node: state, placed, sign: -1 });
    this.#dropIfEmpty(state);
  }

  #record(change: PodChange): void {
    this.#touch(change.node);
    this.#journal.push(change);
    if (this.#journal.length < longestJournal) return;
    const half = longestJournal / 2;
    this.#journal = this.#journal.slice(half);
    this.#journalStart += half;
  }

  #touch(state: NodeState | undefined): void {
    if (state !== undefined) state.generation = ++this.#generation;
  }

  #state(name: string): NodeState {
    const known = this.#nodes.get(name);
    if (known !== undefined) return known;
    const state = new NodeState(name, this.#freeSlots.pop() ?? this.#slots++);
    this.#nodes.set(name, state);
    this.#bySlot[state.slot] = state;
    this.#touch(state);
    return state;
  }

  #dropIfEmpty(state: NodeState): void {
    if (state.node !== undefined || state.pods.size > 0) return;
    this.#nodes.delete(state.name);
    this.#freeSlots.push(state.slot);
  }

  #countImages({ images }: NodeState, by: 1 | -1): void {
    for (const image of images.keys()) {
      const count = (this.#imageCounts.get(image) ?? 0) + by;
      if (count > 0) this.#imageCounts.set(image, count);
      else this.#imageCounts.delete(image);
    }
  }
}

/** Whether no rule could tell the two apart. */
function sameForRules(a: PlacedPod, b: PlacedPod): boolean {
  return (
    a.pod.metadata.uid === b.pod.metadata.uid &&
    a.requests === b.requests &&
    a.scoringRequests === b.scoringRequests &&
    a.priority === b.priority &&
    isTerminating(a.pod) === isTerminating(b.pod) &&
    a.ports.length + b.ports.length === 0 &&
    (a.terms === b.terms || JSON.stringify(a.pod.spec?.affinity) === JSON.stringify(b.pod.spec?.affinity)) &&
    (a.pod.metadata.labels === b.pod.metadata.labels || sameShallow(a.pod.metadata.labels, b.pod.metadata.labels))
  );
}

function zoneOf(node: NodeView): string {
  const labels = node.metadata.labels ?? {};
  return `${labels["topology.kubernetes.io/region"] ?? ""}/${labels["topology.kubernetes.io/zone"] ?? ""}`;
}

/** One node of each zone in turn, so that looking at a part of the nodes looks at all zones. */
function interleaved(nodes: readonly NodeState[]): readonly NodeState[] {
  const zones = new Map<string, NodeState[]>();
  for (const state of nodes) {
    if (state.node === undefined) continue;
    const zone = zoneOf(state.node);
    const members = zones.get(zone);
    if (members === undefined) zones.set(zone, [state]);
    else members.push(state);
  }
  if (zones.size < 2) return nodes;
  const list: NodeState[] = [];
  for (let turn = 0; list.length < nodes.length; turn++)
    for (const members of zones.values()) {
      const state = members[turn];
      if (state !== undefined) list.push(state);
    }
  return list;
}
