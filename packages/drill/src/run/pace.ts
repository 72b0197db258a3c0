// Which pace a cluster runs at, as its own leases tell.
import { leases } from "@coxswain/api/coordination/v1";
import type { Client } from "@coxswain/client";
import type { Pace } from "../drills/drill.ts";

/** Leaders of Kubernetes' own times hold theirs for 15 s. */
const slowestFastSeconds = 5;

export async function paceOf(client: Client, signal: AbortSignal): Promise<Pace> {
  const { spec } = await client
    .resource(leases)
    .get({ namespace: "kube-system", name: "kube-controller-manager" }, { signal });
  return (spec?.leaseDurationSeconds ?? Infinity) <= slowestFastSeconds ? "fast" : "default";
}
