// One node as the rules see it: what it offers, who is there, what they take. `generation` grows with every change, so that
// what was found out about a node can be remembered until then. A clone is a place for thought experiments (preemption).
import { addTo, nodeAllocatable, nothingAsked, takeFrom } from "./resources.ts";
import type { Amounts, NodeView } from "./resources.ts";
import type { PlacedPod } from "./placed-pod.ts";

type Labels = Readonly<Record<string, string>>;
const noLabels: Labels = {};
const noImages: ReadonlyMap<string, number> = new Map();

export class NodeState {
  readonly name: string;
  /** A small number that no other node has; numbers of nodes that went away are used again. */
  readonly slot: number;
  /** Undefined while pods are known on a node that is not (yet, or any more) there. */
  node: NodeView | undefined;
  labels: Labels = noLabels;
  allocatable: Amounts = nothingAsked;
  readonly pods: Map<string, PlacedPod>;
  readonly requested: Map<string, number>;
  readonly scoringRequested: Map<string, number>;
  /** Bytes by image name. */
  images: ReadonlyMap<string, number> = noImages;
  /** Pods here that hold ports of the host. */
  portHolders = 0;
  generation = 0;

  constructor(name: string, slot: number, from?: NodeState) {
    this.name = name;
    this.slot = slot;
    this.node = from?.node;
    this.labels = from?.labels ?? noLabels;
    this.allocatable = from?.allocatable ?? nothingAsked;
    this.pods = new Map(from?.pods);
    this.requested = new Map(from?.requested);
    this.scoringRequested = new Map(from?.scoringRequested);
    this.images = from?.images ?? noImages;
    this.portHolders = from?.portHolders ?? 0;
    this.generation = from?.generation ?? 0;
  }

  setNode(node: NodeView | undefined): void {
    this.node = node;
    this.labels = node?.metadata.labels ?? noLabels;
    this.allocatable = node === undefined ? nothingAsked : nodeAllocatable(node);
    this.images = node === undefined ? noImages : imagesOf(node);
  }

  add(placed: PlacedPod): void {
    this.pods.set(placed.key, placed);
    addTo(this.requested, placed.requests);
    addTo(this.scoringRequested, placed.scoringRequests);
    if (placed.ports.length > 0) this.portHolders++;
  }

  remove(placed: PlacedPod): void {
    this.pods.delete(placed.key);
    takeFrom(this.requested, placed.requests);
    takeFrom(this.scoringRequested, placed.scoringRequests);
    if (placed.ports.length > 0) this.portHolders--;
  }

  clone(): NodeState {
    return new NodeState(this.name, this.slot, this);
  }

  free(resource: string): number {
    return (this.allocatable.get(resource) ?? 0) - (this.requested.get(resource) ?? 0);
  }
}

function imagesOf(node: NodeView): ReadonlyMap<string, number> {
  const { images = [] } = node.status ?? {};
  if (images.length === 0) return noImages;
  const sizes = new Map<string, number>();
  for (const { names, sizeBytes } of images) for (const name of names ?? []) sizes.set(name, sizeBytes ?? 0);
  return sizes;
}
