/** Defaults of services. Addresses, families and node ports are allocated by the apiserver, not here. */
import type { Service } from "../types.ts";
import { fill, fillText } from "../../../fill.ts";

export function defaultService(service: Service): void {
  const { spec } = service;
  if (spec === undefined) return;
  fillText(spec, { sessionAffinity: "None", type: "ClusterIP" });
  if (spec.sessionAffinity === "None") delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity === "ClientIP" && spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined)
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: 10800 } };
  for (const port of spec.ports ?? []) {
    fillText(port, { protocol: "TCP" });
    if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === "") port.targetPort = port.port;
  }
  const fromOutside =
    spec.type === "NodePort" ||
    spec.type === "LoadBalancer" ||
    (spec.type === "ClusterIP" && (spec.externalIPs ?? []).length > 0);
  if (fromOutside) fillText(spec, { externalTrafficPolicy: "Cluster" });
  if (spec.type !== "ExternalName") fillText(spec, { internalTrafficPolicy: "Cluster" });
  if (spec.type === "LoadBalancer") {
    fill(spec, { allocateLoadBalancerNodePorts: true });
    for (const ingress of service.status?.loadBalancer?.ingress ?? [])
      if (ingress.ip !== undefined) fill(ingress, { ipMode: "VIP" });
  }
}
