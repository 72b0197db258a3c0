// The cluster as the scheduler sees it: nodes with what their pods take, kept up by every change. Pods that were given a
// node here but are not yet seen bound are *assumed*: they count at once, so that no room is given away twice.
import { objectKey } from "@coxswain/apimachinery";
import { addTo, nodeAllocatable, podRequests, podRequestsForScoring, takeFrom } from "./resources.ts";
import type { Amounts, NodeView, PodView } from "./resources.ts";

/** A pod on a node, with what it takes there. */
export interface PlacedPod {
  readonly pod: PodView;
  readonly requests: Amounts;
  readonly scoringRequests: Amounts;
}

export interface NodeState {
  readonly name: string;
  /** Undefined while pods are known on a node that is not (yet, or any more) there. */
  readonly node: NodeView | undefined;
  readonly allocatable: Amounts;
  readonly pods: ReadonlyMap<string, PlacedPod>;
  readonly requested: Amounts;
  readonly scoringRequested: Amounts;
  /** Bytes by image name. */
  readonly images: ReadonlyMap<string, number>;
}

export interface Cluster {
  /** Nodes that exist, in the order in which they came. */
  readonly nodes: readonly NodeState[];
  node(name: string): NodeState | undefined;
  /** How many nodes hold an image. */
  nodesWithImage(image: string): number;
  /** Placed pods that have affinity or anti-affinity of their own. */
  podsWithAffinity(): Iterable<readonly [NodeState, PodView]>;
  namespaceLabels(namespace: string): Readonly<Record<string, string>>;
}

interface MutableNode extends NodeState {
  node: NodeView | undefined;
  allocatable: Amounts;
  readonly pods: Map<string, PlacedPod>;
  readonly requested: Map<string, number>;
  readonly scoringRequested: Map<string, number>;
  images: ReadonlyMap<string, number>;
}

export class ClusterState implements Cluster {
  readonly #nodes = new Map<string, MutableNode>();
  readonly #imageCounts = new Map<string, number>();
  /** Pod key to the node it counts on. */
  readonly #placed = new Map<string, string>();
  readonly #assumed = new Map<string, string>();
  readonly #withAffinity = new Map<string, readonly [NodeState, PodView]>();
  readonly #namespaceLabels = new Map<string, Readonly<Record<string, string>>>();
  #list: readonly NodeState[] | undefined;

  get nodes(): readonly NodeState[] {
    this.#list ??= [...this.#nodes.values()].filter(({ node }) => node !== undefined);
    return this.#list;
  }

  node(name: string): NodeState | undefined {
    const state = this.#nodes.get(name);
    return state?.node === undefined ? undefined : state;
  }

  nodesWithImage(image: string): number {
    return this.#imageCounts.get(image) ?? 0;
  }

  podsWithAffinity(): Iterable<readonly [NodeState, PodView]> {
    return this.#withAffinity.values();
  }

  namespaceLabels(namespace: string): Readonly<Record<string, string>> {
    return this.#namespaceLabels.get(namespace) ?? {};
  }

  setNamespace(name: string, labels: Readonly<Record<string, string>> | undefined): void {
    if (labels === undefined) this.#namespaceLabels.delete(name);
    else this.#namespaceLabels.set(name, labels);
  }

  get assumedCount(): number {
    return this.#assumed.size;
  }

  setNode(node: NodeView): void {
    const state = this.#state(node.metadata.name);
    if (state.node === undefined) this.#list = undefined;
    state.node = node;
    state.allocatable = nodeAllocatable(node);
    this.#setImages(state, node);
  }

  removeNode(name: string): void {
    const state = this.#nodes.get(name);
    if (state === undefined) return;
    state.node = undefined;
    this.#setImages(state, undefined);
    this.#list = undefined;
    if (state.pods.size === 0) this.#nodes.delete(name);
  }

  /** A pod as the API shows it now. It counts while it has a node and has not ended. */
  setPod(pod: PodView): void {
    const key = objectKey(pod);
    const nodeName = pod.spec?.nodeName;
    if (nodeName === undefined || nodeName === "") return;
    this.#take(key);
    this.#assumed.delete(key);
    if (pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed") this.#place(key, pod, nodeName);
  }

  removePod(key: string): void {
    this.#take(key);
    this.#assumed.delete(key);
  }

  /** Counts a pod on the node that was chosen for it, before the API shows it there. */
  assume(pod: PodView, nodeName: string): void {
    const key = objectKey(pod);
    this.#take(key);
    this.#place(key, pod, nodeName);
    this.#assumed.set(key, nodeName);
  }

  /** The binding failed. No effect once the API has shown the pod bound, or on another pod of the same name. */
  forget(pod: PodView): void {
    const key = objectKey(pod);
    const node = this.#assumed.get(key);
    const counted = node === undefined ? undefined : this.#nodes.get(node)?.pods.get(key);
    if (counted === undefined || counted.pod.metadata.uid !== pod.metadata.uid) return;
    this.#assumed.delete(key);
    this.#take(key);
  }

  #place(key: string, pod: PodView, nodeName: string): void {
    const state = this.#state(nodeName);
    const placed: PlacedPod = { pod, requests: podRequests(pod), scoringRequests: podRequestsForScoring(pod) };
    state.pods.set(key, placed);
    addTo(state.requested, placed.requests);
    addTo(state.scoringRequested, placed.scoringRequests);
    this.#placed.set(key, nodeName);
    const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {};
    if (podAffinity !== undefined || podAntiAffinity !== undefined) this.#withAffinity.set(key, [state, pod]);
  }

  #take(key: string): void {
    const nodeName = this.#placed.get(key);
    const state = nodeName === undefined ? undefined : this.#nodes.get(nodeName);
    const placed = state?.pods.get(key);
    if (state === undefined || placed === undefined) return;
    this.#placed.delete(key);
    this.#withAffinity.delete(key);
    state.pods.delete(key);
    takeFrom(state.requested, placed.requests);
    takeFrom(state.scoringRequested, placed.scoringRequests);
    if (state.node === undefined && state.pods.size === 0) this.#nodes.delete(state.name);
  }

  #state(name: string): MutableNode {
    const known = this.#nodes.get(name);
    if (known !== undefined) return known;
    const state: MutableNode = {
      name,
      node: undefined,
      allocatable: new Map(),
      pods: new Map(),
      requested: new Map(),
      scoringRequested: new Map(),
      images: new Map(),
    };
    this.#nodes.set(name, state);
    return state;
  }

  #setImages(state: MutableNode, node: NodeView | undefined): void {
    for (const image of state.images.keys()) this.#imageCounts.set(image, (this.#imageCounts.get(image) ?? 1) - 1);
    const images = new Map<string, number>();
    for (const { names, sizeBytes } of node?.status?.images ?? [])
      for (const name of names ?? []) images.set(name, sizeBytes ?? 0);
    for (const image of images.keys()) this.#imageCounts.set(image, (this.#imageCounts.get(image) ?? 0) + 1);
    state.images = images;
  }
}
