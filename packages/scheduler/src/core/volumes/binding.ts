// Which volumes a pod would get on a node: for claims that are bound, whether their volume can be reached from there; for claims
// that wait for their first consumer, an existing volume that fits, or a provisioner that can make one there (after
// Kubernetes' scheduler volume binder). Decides only; nothing is written here.
import { amountOf } from "../resources.ts";
import type { NodeState } from "../node-state.ts";
import { matchesNodeSelector } from "../node-selector.ts";
import { labelSelectorMatcher } from "@coxswain/apimachinery";
import type { ClaimView, ClassView, VolumeCatalog, VolumeView } from "./catalog.ts";

export interface StaticBinding {
  readonly claim: ClaimView;
  readonly volume: VolumeView;
}

/** What must be written before the pod may be bound, and then waited for. */
export interface VolumeAction {
  readonly bindings: readonly StaticBinding[];
  readonly provisions: readonly ClaimView[];
  readonly nodeName: string;
  readonly timeoutMs: number;
}

export interface NodeVolumes {
  readonly reasons: readonly string[];
  readonly detail: string;
  readonly bindings: readonly StaticBinding[];
  readonly provisions: readonly ClaimView[];
}

export const selectedNode = "volume.kubernetes.io/selected-node";
export const bindCompleted = "pv.kubernetes.io/bind-completed";
export const boundByController = "pv.kubernetes.io/bound-by-controller";

const noMatch = "node(s) didn't find available persistent volumes to bind";
const wrongNode = "node(s) didn't match PersistentVolume's node affinity";
const noSpace = "node(s) did not have enough free storage";
const volumeGone = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)";
const beta = "volume.beta.kubernetes.io/storage-class";

export function isFullyBound(claim: ClaimView): boolean {
  return (claim.spec?.volumeName ?? "") !== "" && claim.metadata.annotations?.[bindCompleted] !== undefined;
}

export function classOf(claim: ClaimView): string {
  return claim.metadata.annotations?.[beta] ?? claim.spec?.storageClassName ?? "";
}

/** Tries a node: `waiting` are the claims without a volume. */
export function volumesOn(
  node: NodeState,
  bound: readonly ClaimView[],
  waiting: readonly ClaimView[],
  catalog: VolumeCatalog,
): NodeVolumes {
  const none = { bindings: [], provisions: [] };
  for (const claim of bound) {
    const name = claim.spec?.volumeName ?? "";
    const volume = catalog.volume(name);
    if (volume === undefined) return { reasons: [volumeGone], detail: `volume ${name} does not exist`, ...none };
    if (!reaches(volume, node))
      return {
        reasons: [wrongNode],
        detail: `claim ${claim.metadata.name} is bound to volume ${name}, which cannot be reached from here`,
        ...none,
      };
  }
  const bindings: StaticBinding[] = [];
  const provisions: ClaimView[] = [];
  const taken = new Set<string>();
  // The smallest claims first, so that they take the smallest volumes.
  const bySize = [...waiting].sort((a, b) => requested(a) - requested(b));
  for (const claim of bySize) {
    const chosen = claim.metadata.annotations?.[selectedNode];
    if (chosen !== undefined && chosen !== node.name)
      return { reasons: [noMatch], detail: `claim ${claim.metadata.name} is being provisioned for ${chosen}`, ...none };
    const volume = chosen === undefined ? matchingVolume(claim, node, catalog, taken) : undefined;
    if (volume !== undefined) {
      taken.add(volume.metadata.name);
      bindings.push({ claim, volume });
      continue;
    }
    const obstacle = provisionObstacle(claim, node, catalog);
    if (obstacle !== undefined) return { ...obstacle, ...none };
    provisions.push(claim);
  }
  return { reasons: [], detail: "", bindings, provisions };
}

export function reaches(volume: VolumeView, node: NodeState): boolean {
  const required = volume.spec?.nodeAffinity?.required;
  return required === undefined || (node.node !== undefined && matchesNodeSelector(required, node.node));
}

/** The smallest free volume that does; one that names the claim goes first. */
function matchingVolume(
  claim: ClaimView,
  node: NodeState,
  catalog: VolumeCatalog,
  taken: ReadonlySet<string>,
): VolumeView | undefined {
  const wanted = requested(claim);
  const selector = claim.spec?.selector === undefined ? undefined : labelSelectorMatcher(claim.spec.selector);
  let best: VolumeView | undefined;
  for (const volume of catalog.volumesOfClass(classOf(claim))) {
    const { spec, metadata, status } = volume;
    if (taken.has(metadata.name) || metadata.deletionTimestamp !== undefined || !sameShape(claim, volume)) continue;
    if (capacityOf(volume) < wanted || !reaches(volume, node)) continue;
    if (spec?.claimRef !== undefined) {
      const { namespace, name, uid } = spec.claimRef;
      const meant = namespace === claim.metadata.namespace && name === claim.metadata.name;
      if (meant && (uid === undefined || uid === "" || uid === claim.metadata.uid)) return volume;
      continue;
    }
    if (status?.phase !== "Available" || selector?.matches(metadata.labels) === false) continue;
    if (best === undefined || capacityOf(volume) < capacityOf(best)) best = volume;
  }
  return best;
}

function sameShape(claim: ClaimView, { spec }: VolumeView): boolean {
  return (
    (claim.spec?.volumeMode ?? "Filesystem") === (spec?.volumeMode ?? "Filesystem") &&
    (claim.spec?.volumeAttributesClassName ?? "") === (spec?.volumeAttributesClassName ?? "") &&
    (claim.spec?.accessModes ?? []).every((mode) => spec?.accessModes?.includes(mode))
  );
}

function provisionObstacle(
  claim: ClaimView,
  node: NodeState,
  catalog: VolumeCatalog,
): { readonly reasons: readonly string[]; readonly detail: string } | undefined {
  const name = classOf(claim);
  const storageClass = catalog.storageClass(name);
  const { provisioner = "" } = storageClass ?? {};
  if (storageClass === undefined || provisioner === "" || provisioner === "kubernetes.io/no-provisioner")
    return { reasons: [noMatch], detail: `no free volume of class ${name} fits claim ${claim.metadata.name} here` };
  if (!topologyAllows(storageClass, node))
    return { reasons: [noMatch], detail: `class ${name} does not provision volumes in this node's topology` };
  const { storageCapacity } = catalog.csiDriver(provisioner)?.spec ?? {};
  if (storageCapacity !== true) return undefined;
  const wanted = requested(claim);
  for (const { storageClassName, capacity, maximumVolumeSize, nodeTopology } of catalog.capacities()) {
    const most = maximumVolumeSize ?? capacity;
    if (storageClassName !== name || most === undefined || amountOf("storage", most) < wanted) continue;
    if (nodeTopology !== undefined && labelSelectorMatcher(nodeTopology).matches(node.labels)) return undefined;
  }
  return { reasons: [noSpace], detail: `no pool of class ${name} that this node reaches has ${wanted} bytes` };
}

function topologyAllows({ allowedTopologies = [] }: ClassView, node: NodeState): boolean {
  if (allowedTopologies.length === 0) return true;
  return allowedTopologies.some(({ matchLabelExpressions = [] }) =>
    matchLabelExpressions.every(({ key, values }) => values.includes(node.labels[key] ?? "")),
  );
}

function requested(claim: ClaimView): number {
  return amountOf("storage", claim.spec?.resources?.requests?.["storage"] ?? "0");
}

function capacityOf(volume: VolumeView): number {
  return amountOf("storage", volume.spec?.capacity?.["storage"] ?? "0");
}
