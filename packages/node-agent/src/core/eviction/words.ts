// What is said of an evicted pod: the kubelet's sentences, which people and dashboards look for. Pure.
import { canonicalQuantity, formatQuantity, quantityUnits } from "@coxswain/apimachinery";
import type { PodUse } from "./rank.ts";
import type { Observation, Threshold } from "./thresholds.ts";
import { valueIn } from "./thresholds.ts";

export function evictionMessage(
  resource: string,
  use: PodUse,
  threshold: Threshold,
  observed: Observation | undefined,
): string {
  const { capacity = 0, available = 0 } = observed ?? {};
  const unit = resource === "inodes" || resource === "pids" ? plainText : bytesText;
  const met = `Threshold quantity: ${unit(valueIn(threshold.value, capacity))}, available: ${unit(available)}. `;
  const guilty = use.containers.flatMap((container) => {
    const spec = use.pod.spec?.containers.find((candidate) => candidate.name === container.name);
    if (!spec || (resource !== "memory" && resource !== "ephemeral-storage")) return [];
    const used = resource === "memory" ? container.memoryBytes : container.diskBytes;
    const request = canonicalQuantity(spec.resources?.requests?.[resource] ?? "0");
    return used > quantityUnits(request)
      ? [
          `Container ${container.name} was using ${bytesText(used)}, request is ${request}, has larger consumption of ${resource}. `,
        ]
      : [];
  });
  return `The node was low on resource: ${resource}. ${met}${guilty.join("")}`;
}

export function emptyDirMessage(volume: string, limit: string): string {
  return `Usage of EmptyDir volume ${JSON.stringify(volume)} exceeds the limit ${JSON.stringify(canonicalQuantity(limit))}. `;
}

export function containerStorageMessage(container: string, limit: string): string {
  return `Container ${container} exceeded its local ephemeral storage limit ${JSON.stringify(canonicalQuantity(limit))}. `;
}

export function podStorageMessage(limitBytes: number): string {
  return `Pod ephemeral local storage usage exceeds the total limit of containers ${bytesText(limitBytes)}. `;
}

function bytesText(bytes: number): string {
  return formatQuantity({ nano: BigInt(Math.round(bytes)) * 1_000_000_000n, format: "BinarySI" });
}

function plainText(amount: number): string {
  return String(amount);
}
