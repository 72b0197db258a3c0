// How claims come to their volumes. Each plan is one write, or none; its effect wakes the next, so that a kill between any two changes
// nothing. The order of a binding is Kubernetes': the volume names the claim, the claim names the volume, the claim is Bound.
import type { PersistentVolumeClaimStatus } from "@coxswain/api/core/v1";
import type { StorageClass } from "@coxswain/api/storage/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { sameJson } from "../../loop/same-json.ts";
import { classOf, findVolume, isFor, mismatch } from "./match.ts";
import type { Claim, Volume } from "./match.ts";

export const bindCompleted = "pv.kubernetes.io/bind-completed";
const boundByController = "pv.kubernetes.io/bound-by-controller";
export const provisionedBy = "pv.kubernetes.io/provisioned-by";
export const selectedNode = "volume.kubernetes.io/selected-node";
export const storageProvisioner = "volume.kubernetes.io/storage-provisioner";
const betaStorageProvisioner = "volume.beta.kubernetes.io/storage-provisioner";

export interface BinderEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

export interface ClaimView {
  readonly claim: Claim;
  readonly volumes: readonly Volume[];
  readonly classNamed: (name: string) => DeepReadonly<StorageClass> | undefined;
}

/** The next write of a claim's binding. Both may be undefined: there is nothing to do. */
export interface ClaimPlan {
  /** A new state of the claim; `part` says which half of it is written. */
  readonly claim?: { readonly part: "object" | "status"; readonly object: Claim };
  /** A new state of the volume, which comes to name the claim. */
  readonly volume?: Volume;
  readonly event?: BinderEvent;
  readonly because: string;
}

export function planClaim(view: ClaimView): ClaimPlan {
  const { claim, volumes } = view;
  const named = claim.spec?.volumeName ?? "";
  const volume = named === "" ? undefined : volumes.find(({ metadata }) => metadata.name === named);
  if (claim.metadata.annotations?.[bindCompleted] !== undefined) return planBound(claim, volume);
  if (named !== "") return planNamed(claim, volume);
  const storageClass = view.classNamed(classOf(claim));
  const waits = storageClass?.volumeBindingMode === "WaitForFirstConsumer";
  const found = findVolume(claim, volumes, waits);
  if (found !== undefined) return bind(claim, found, "the volume suits it");
  return planMissing(claim, storageClass, waits);
}

function planBound(claim: Claim, volume: Volume | undefined): ClaimPlan {
  if (volume === undefined)
    return withPhase(claim, "Lost", "its volume is gone", {
      type: "Warning",
      reason: "ClaimLost",
      message:
        (claim.spec?.volumeName ?? "") === ""
          ? "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!"
          : "Bound claim has lost its PersistentVolume. Data on the volume is lost!",
    });
  if (volume.spec?.claimRef === undefined || isFor(volume, claim)) return bind(claim, volume, "it was bound before");
  return withPhase(claim, "Lost", "another claim has its volume", {
    type: "Warning",
    reason: "ClaimMisbound",
    message: "Two claims are bound to the same volume, this one is bound incorrectly",
  });
}

/** Somebody has written the volume's name into the claim. */
function planNamed(claim: Claim, volume: Volume | undefined): ClaimPlan {
  if (volume === undefined) return withPhase(claim, "Pending", "the volume that it names is not there");
  if (isFor(volume, claim)) return bind(claim, volume, "the volume is kept for it");
  const problem =
    volume.spec?.claimRef === undefined
      ? mismatch(volume, claim)
      : `volume ${JSON.stringify(volume.metadata.name)} already bound to a different claim.`;
  if (problem === undefined) return bind(claim, volume, "it names the volume");
  const isTaken = volume.spec?.claimRef !== undefined;
  return withPhase(claim, "Pending", problem, {
    type: "Warning",
    reason: isTaken ? "FailedBinding" : "VolumeMismatch",
    message: isTaken ? problem : `Cannot bind to requested volume ${JSON.stringify(volume.metadata.name)}: ${problem}`,
  });
}

function planMissing(claim: Claim, storageClass: DeepReadonly<StorageClass> | undefined, waits: boolean): ClaimPlan {
  const annotations = claim.metadata.annotations ?? {};
  if (waits && annotations[selectedNode] === undefined)
    return withPhase(claim, "Pending", "no pod uses it yet", {
      type: "Normal",
      reason: "WaitForFirstConsumer",
      message: "waiting for first consumer to be created before binding",
    });
  if (classOf(claim) === "")
    return withPhase(claim, "Pending", "no volume suits it", {
      type: "Normal",
      reason: "FailedBinding",
      message: "no persistent volumes available for this claim and no storage class is set",
    });
  if (storageClass === undefined)
    return withPhase(claim, "Pending", "its class does not exist", {
      type: "Warning",
      reason: "ProvisioningFailed",
      message: `storageclass.storage.k8s.io ${JSON.stringify(classOf(claim))} not found`,
    });
  const { provisioner } = storageClass;
  if (provisioner === "kubernetes.io/no-provisioner")
    return withPhase(claim, "Pending", "no volume suits it and its class makes none", {
      type: "Normal",
      reason: "FailedBinding",
      message: "no persistent volumes available for this claim and no storage class is set",
    });
  if (annotations[storageProvisioner] === provisioner)
    return withPhase(claim, "Pending", "its provisioner has been told", {
      type: "Normal",
      reason: "ExternalProvisioning",
      message: `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`,
    });
  const told = { ...annotations, [storageProvisioner]: provisioner, [betaStorageProvisioner]: provisioner };
  const object = { ...claim, metadata: { ...claim.metadata, annotations: told } };
  return { claim: { part: "object", object }, because: "its class has a provisioner" };
}

/** The first step of a binding that is not done yet. */
function bind(claim: Claim, volume: Volume, because: string): ClaimPlan {
  const { namespace, name, uid, resourceVersion } = claim.metadata;
  if (volume.spec?.claimRef?.uid !== uid || volume.spec?.claimRef?.name !== name) {
    const reference = { kind: "PersistentVolumeClaim", apiVersion: "v1", namespace, name, uid, resourceVersion };
    const chosen = volume.spec?.claimRef === undefined ? { [boundByController]: "yes" } : {};
    return {
      volume: {
        ...volume,
        metadata: { ...volume.metadata, annotations: { ...volume.metadata.annotations, ...chosen } },
        spec: { ...volume.spec, claimRef: { ...volume.spec?.claimRef, ...reference } },
      },
      because,
    };
  }
  const annotations = claim.metadata.annotations ?? {};
  if (claim.spec?.volumeName !== volume.metadata.name || annotations[bindCompleted] === undefined) {
    const chosen = (claim.spec?.volumeName ?? "") === "" ? { [boundByController]: "yes" } : {};
    const object: Claim = {
      ...claim,
      metadata: { ...claim.metadata, annotations: { ...annotations, ...chosen, [bindCompleted]: "yes" } },
      spec: { ...claim.spec, volumeName: volume.metadata.name },
    };
    return { claim: { part: "object", object }, because: "the volume names it" };
  }
  const { accessModes, capacity } = volume.spec ?? {};
  const keepsSize = claim.status?.phase === "Bound" && claim.status.capacity !== undefined;
  return withStatus(
    claim,
    {
      ...claim.status,
      phase: "Bound",
      accessModes: [...(accessModes ?? [])],
      // Growing is another's work: what has been granted is said there.
      capacity: keepsSize ? claim.status.capacity : { ...capacity },
    } as PersistentVolumeClaimStatus,
    "claim and volume name each other",
  );
}

function withPhase(claim: Claim, phase: "Pending" | "Lost", because: string, event?: BinderEvent): ClaimPlan {
  const { accessModes: _modes, capacity: _capacity, ...rest } = claim.status ?? {};
  const status = phase === "Pending" ? { ...rest, phase } : { ...claim.status, phase };
  return { ...withStatus(claim, status as PersistentVolumeClaimStatus, because), ...(event && { event }) };
}

function withStatus(claim: Claim, status: PersistentVolumeClaimStatus, because: string): ClaimPlan {
  return sameJson(status, claim.status)
    ? { because }
    : { claim: { part: "status", object: { ...claim, status } as Claim }, because };
}

export interface VolumePlan {
  readonly part: "object" | "status" | "nothing";
  readonly object: Volume;
  readonly because: string;
}

/** `claim` is the one that the volume names, by name and UID; undefined when it is gone. */
export function planVolume(volume: Volume, claim: Claim | undefined, now: string): VolumePlan {
  const { claimRef } = volume.spec ?? {};
  if (claimRef === undefined || (claimRef.uid ?? "") === "") return phase(volume, "Available", now, "it is nobody's");
  if (claim === undefined) return phase(volume, "Released", now, "its claim is gone");
  const named = claim.spec?.volumeName ?? "";
  if (named === volume.metadata.name) return phase(volume, "Bound", now, "claim and volume name each other");
  if (named === "") return { part: "nothing", object: volume, because: "its claim is about to name it" };
  if (volume.metadata.annotations?.[provisionedBy] && volume.spec?.persistentVolumeReclaimPolicy === "Delete")
    return phase(volume, "Released", now, "it was made for a claim that has another volume");
  const { [boundByController]: byController, ...annotations } = volume.metadata.annotations ?? {};
  const { claimRef: _claimRef, ...spec } = volume.spec ?? {};
  const { uid: _uid, resourceVersion: _version, ...reference } = claimRef;
  const object: Volume = {
    ...volume,
    metadata: { ...volume.metadata, annotations },
    spec: byController === undefined ? { ...spec, claimRef: reference } : spec,
  };
  return { part: "object", object, because: "its claim has another volume" };
}

function phase(volume: Volume, wanted: "Available" | "Bound" | "Released", now: string, because: string): VolumePlan {
  if (volume.status?.phase === wanted) return { part: "nothing", object: volume, because };
  const status = { phase: wanted, lastPhaseTransitionTime: now };
  return { part: "status", object: { ...volume, status } as Volume, because };
}
