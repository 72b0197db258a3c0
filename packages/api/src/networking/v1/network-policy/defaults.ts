/** Defaults of network policies: which directions they speak about. */
import type { NetworkPolicy } from "../types.ts";
import { fill } from "../../../fill.ts";

export function defaultNetworkPolicy(policy: NetworkPolicy): void {
  const { spec } = policy;
  if (spec === undefined) return;
  for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])])
    for (const port of rule.ports ?? []) fill(port, { protocol: "TCP" });
  if ((spec.policyTypes ?? []).length === 0)
    spec.policyTypes = (spec.egress ?? []).length > 0 ? ["Ingress", "Egress"] : ["Ingress"];
}
