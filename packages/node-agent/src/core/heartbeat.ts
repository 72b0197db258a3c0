// The node's sign of life: a Lease renewed four times in its duration (every ten seconds, if nothing is said). What the control plane
// concludes from silence is its affair (40 s by default). The times are the kubelet's.
import type { Lease } from "@coxswain/api/coordination/v1";
import { rfc3339Micro } from "@coxswain/clock";

export const leaseNamespace = "kube-node-lease";
export const defaultLeaseSeconds = 40;
/** A status without news is written this often. */
export const statusIntervalMs = 300_000;
/** News is looked for this often. */
export const statusLookMs = 10_000;

/** Time between renewals of a lease that lasts so long. */
export function renewIntervalMs(leaseSeconds: number): number {
  return (leaseSeconds * 1000) / 4;
}

export function newLease(
  node: { readonly name: string; readonly uid: string },
  leaseSeconds: number,
  nowMs: number,
): Lease {
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: {
      name: node.name,
      namespace: leaseNamespace,
      ownerReferences: [{ apiVersion: "v1", kind: "Node", name: node.name, uid: node.uid }],
    },
    spec: { holderIdentity: node.name, leaseDurationSeconds: leaseSeconds, renewTime: rfc3339Micro(nowMs) },
  };
}

export function renewed(lease: Lease, name: string, leaseSeconds: number, nowMs: number): Lease {
  return {
    ...lease,
    spec: { ...lease.spec, holderIdentity: name, leaseDurationSeconds: leaseSeconds, renewTime: rfc3339Micro(nowMs) },
  };
}
