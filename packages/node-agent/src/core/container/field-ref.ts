// What a pod may read about itself: metadata and status fields, and its containers' resources.
import type { Container, Pod, ResourceFieldSelector } from "@coxswain/api/core/v1";
import { amountOf } from "./amount.ts";

export interface SelfView {
  readonly pod: Pod;
  readonly podIP: string | undefined;
  readonly hostIP: string | undefined;
  /** What limits default to when a container has none. */
  readonly allocatable: { readonly cpu: number; readonly memoryBytes: number; readonly ephemeralBytes?: number };
}

/** `undefined` for a path that does not exist. */
export function fieldValue(self: SelfView, path: string): string | undefined {
  const { metadata, spec } = self.pod;
  const subscript = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path);
  if (subscript?.[1] && subscript[2] !== undefined)
    return metadata?.[subscript[1] === "labels" ? "labels" : "annotations"]?.[subscript[2]] ?? "";
  switch (path) {
    case "metadata.name":
      return metadata?.name ?? "";
    case "metadata.namespace":
      return metadata?.namespace ?? "";
    case "metadata.uid":
      return metadata?.uid ?? "";
    case "metadata.labels":
      return mapText(metadata?.labels);
    case "metadata.annotations":
      return mapText(metadata?.annotations);
    case "spec.nodeName":
      return spec?.nodeName ?? "";
    case "spec.serviceAccountName":
      return spec?.serviceAccountName ?? "";
    case "status.hostIP":
    case "status.hostIPs":
      return self.hostIP ?? "";
    case "status.podIP":
    case "status.podIPs":
      return self.podIP ?? "";
    default:
      return undefined;
  }
}

/** key="escaped value", one a line, sorted. */
function mapText(map: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(map ?? {})
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join("\n");
}

export function resourceValue(
  self: SelfView,
  container: Container,
  selector: ResourceFieldSelector,
): string | undefined {
  const [section, ...rest] = selector.resource.split(".");
  const name = rest.join(".");
  const divisor = amountOf(selector.divisor) || 1;
  const set =
    section === "limits"
      ? container.resources?.limits
      : section === "requests"
        ? container.resources?.requests
        : undefined;
  if (section !== "limits" && section !== "requests") return undefined;
  const given = amountOf(set?.[name]);
  const { cpu, memoryBytes, ephemeralBytes = 0 } = self.allocatable;
  const most: Readonly<Record<string, number>> = { cpu, memory: memoryBytes, "ephemeral-storage": ephemeralBytes };
  const fallback = section === "limits" ? (most[name] ?? 0) : 0;
  return String(Math.ceil((given ?? fallback) / divisor));
}
