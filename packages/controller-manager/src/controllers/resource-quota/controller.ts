// Counts what quotas limit and writes it into their status. Admission charges each new object there itself; this controller counts from
// the beginning when limits change, when something that was charged goes, and from time to time.
import { resourceQuotas } from "@coxswain/api/core/v1";
import type { Pod, ResourceQuota } from "@coxswain/api/core/v1";
import { namesFor, subtractAmounts, usageOf } from "@coxswain/api/quota";
import type { CountedResource } from "@coxswain/api/quota";
import { objectKey } from "@coxswain/apimachinery";
import type { ApiObject, DeepReadonly } from "@coxswain/apimachinery";
import { isConflict, isNotFound } from "@coxswain/client";
import type { InformerEvent, ReconcileResult } from "@coxswain/controller";
import { createLoop, wakeOn } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { sameJson } from "../../loop/same-json.ts";
import { createCountedObjects } from "./counted.ts";
import { countedBy, quotaStatus } from "./plan.ts";

/** As Kubernetes' `--resource-quota-sync-period`: takes back what was charged for objects that never came to be. */
const resyncMs = 300_000;
/** A change of the quota by admission came between: its object is about to appear. */
const retryMs = 200;

export function createResourceQuotaController(ports: ControllerPorts): Controller {
  const { client, clock, log } = ports;
  const quotas = ports.informers.resourceQuotas();
  const quotaClient = client.resource(resourceQuotas);
  const counted = createCountedObjects(ports);

  const reconcile = async (key: string, signal: AbortSignal): Promise<ReconcileResult | void> => {
    const quota = quotas.get(key);
    if (quota === undefined) return;
    const namespace = quota.metadata.namespace ?? "";
    const objects = new Map<CountedResource, readonly DeepReadonly<ApiObject>[] | undefined>();
    for (const resource of countedBy(quota)) objects.set(resource, await counted.in(namespace, resource, signal));
    const lookup = (wanted: CountedResource) =>
      [...objects].find(([{ group, resource }]) => group === wanted.group && resource === wanted.resource)?.[1];
    const status = quotaStatus(quota, lookup, clock.now());
    if (sameJson(status, quota.status)) return { wakeAfterMs: resyncMs };
    try {
      await quotaClient.update({ ...quota, status } as ResourceQuota, { subresource: "status", signal });
      log.info({ controller: "resourcequota", object: key, because: "the count says so" }, "a quota's status is set");
    } catch (error) {
      if (isNotFound(error)) return;
      if (isConflict(error)) return { wakeAfterMs: retryMs };
      throw error;
    }
    return { wakeAfterMs: resyncMs };
  };

  /** The quotas of the namespace that count the resource, when the change freed something. */
  const freed = (resource: CountedResource, event: InformerEvent<ApiObject>): readonly string[] => {
    if (!frees(resource, event, clock.now())) return [];
    return quotas
      .byIndex("namespace", event.object.metadata.namespace ?? "")
      .filter((quota) => namesFor(resource, Object.keys(quota.spec?.hard ?? {})).length > 0)
      .map(objectKey);
  };

  const loop = createLoop(
    {
      name: "resource_quota_controller_resource_changes",
      watches: [
        // What admission charges is right already: only new limits and limits without a count are ours.
        wakeOn(quotas, (quota) => (isCounted(quota) ? [] : [objectKey(quota)])),
        {
          subscribe: (wake) => counted.subscribe((resource, event) => wake(freed(resource, event))),
          whenSynced: counted.whenSynced,
        },
      ],
      reconcile,
    },
    ports,
  );
  return {
    run: async (signal) => void (await Promise.all([loop.run(signal), counted.run(signal)])),
  };
}

function isCounted({ spec, status }: DeepReadonly<ResourceQuota>): boolean {
  return (
    sameJson(spec?.hard ?? {}, status?.hard ?? {}) &&
    Object.keys(status?.hard ?? {}).every((name) => status?.used?.[name] !== undefined)
  );
}

function frees(resource: CountedResource, event: InformerEvent<ApiObject>, nowMs: number): boolean {
  if (event.type === "deleted") return true;
  if (event.type === "added") return false;
  if (resource.group === "" && resource.resource === "pods") return ended(event.object) && !ended(event.old);
  const change = subtractAmounts(usageOf(resource, event.old, nowMs), usageOf(resource, event.object, nowMs));
  return Object.values(change).some((amount) => amount !== "0" && !amount.startsWith("-"));
}

function ended(pod: DeepReadonly<ApiObject>): boolean {
  const { phase } = (pod as DeepReadonly<Pod>).status ?? {};
  return phase === "Failed" || phase === "Succeeded";
}
