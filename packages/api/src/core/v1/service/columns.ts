/** `kubectl get services`. */
import type { DeepReadonly } from "@coxswain/apimachinery";
import { ageOf, labelsText, none, printer, type TablePrinter } from "../../../table.ts";
import type { Service } from "../types.ts";

export const serviceTable: TablePrinter<Service> = printer(
  ["Type", "Cluster-IP", "External-IP", "Port(s)", "Age", "Selector+"],
  (service, now) => {
    const { spec } = service;
    const ports = (spec?.ports ?? []).map(
      ({ port, nodePort, protocol }) => `${port}${nodePort ? `:${nodePort}` : ""}/${protocol ?? "TCP"}`,
    );
    return [
      spec?.type ?? "",
      spec?.clusterIPs?.[0] ?? none,
      externalAddress(service),
      ports.join(",") || none,
      ageOf(service, now),
      labelsText(spec?.selector),
    ];
  },
);

function externalAddress(service: DeepReadonly<Service>): string {
  const external = service.spec?.externalIPs ?? [];
  switch (service.spec?.type) {
    case "ExternalName":
      return service.spec.externalName ?? "";
    case "LoadBalancer": {
      const ingress = (service.status?.loadBalancer?.ingress ?? [])
        .map(({ ip, hostname }) => ip || hostname || "")
        .filter(Boolean);
      const all = [...[...new Set(ingress)].sort(), ...external];
      return all.length > 0 ? all.join(",") : "<pending>";
    }
    case "ClusterIP":
    case "NodePort":
      return external.length > 0 ? external.join(",") : none;
    default:
      return "<unknown>";
  }
}
