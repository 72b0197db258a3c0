// Which zone or node should use an endpoint: what a Service's trafficDistribution asks for, said of each ready endpoint. Proxies follow hints
// only when every endpoint that they may use has some.
import type { EndpointHints } from "@coxswain/api/discovery/v1";
import type { ReadonlyService } from "../../services/endpoints-of.ts";

export function hintsOf(
  service: ReadonlyService,
  endpoint: { readonly isReady: boolean; readonly nodeName: string | undefined; readonly zone: string | undefined },
): EndpointHints | undefined {
  if (!endpoint.isReady) return undefined;
  const { nodeName, zone } = endpoint;
  const forZones = zone === undefined ? {} : { forZones: [{ name: zone }] };
  switch (service.spec?.trafficDistribution) {
    case "PreferClose":
    case "PreferSameZone":
      return zone === undefined ? undefined : forZones;
    case "PreferSameNode":
      return nodeName === undefined ? undefined : { ...forZones, forNodes: [{ name: nodeName }] };
    default:
      return undefined;
  }
}
