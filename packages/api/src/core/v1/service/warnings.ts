/** What is allowed in a service but probably not meant, in Kubernetes' words. */
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { Service } from "../types.ts";

const olderHints = "service.kubernetes.io/topology-aware-hints";

/** Warnings of a service. */
export function serviceWarnings({ metadata, spec }: DeepReadonly<Service>): string[] {
  const warnings: string[] = [];
  if (Object.hasOwn(metadata.annotations ?? {}, olderHints))
    warnings.push(`annotation ${olderHints} is deprecated, please use service.kubernetes.io/topology-mode instead`);
  if (!spec) return warnings;
  const hasExternal = (spec.externalIPs?.length ?? 0) > 0;
  const isHeadless = spec.type === "ClusterIP" && spec.clusterIP === "None";
  if (isHeadless) {
    if (spec.loadBalancerIP) warnings.push("spec.loadBalancerIP is ignored for headless services");
    if (hasExternal) warnings.push("spec.externalIPs is ignored for headless services");
    if (spec.sessionAffinity !== "None") warnings.push("spec.SessionAffinity is ignored for headless services");
  }
  if (hasExternal && !isHeadless && spec.type !== "ExternalName")
    warnings.push("spec.externalIPs is deprecated and may no longer be implemented in some clusters");
  if (spec.type === "ExternalName" && hasExternal)
    warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  if (spec.type !== "ExternalName" && spec.externalName)
    warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  if (spec.trafficDistribution === "PreferClose")
    warnings.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  return warnings;
}
