// Writes the Endpoints object of every service with a selector, for those who still read it. Wakes as ../endpoint-slice does.
import { endpoints as endpointsResource } from "@coxswain/api/core/v1";
import type { Endpoints } from "@coxswain/api/core/v1";
import { objectKey } from "@coxswain/apimachinery";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { isNotFound } from "@coxswain/client";
import { createOwnWrites } from "@coxswain/controller";
import { createLoop, wakeOn } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { sameJson } from "../../loop/same-json.ts";
import { hasSelector, isHeadless, servicesOf } from "../../services/endpoints-of.ts";
import { capacityAnnotation, decided, endpointSubsets } from "./plan.ts";

const managerLabel = "endpoints.kubernetes.io/managed-by";
const managerName = "endpoint-controller";

export function createEndpointsController(ports: ControllerPorts): Controller {
  const { client, informers } = ports;
  const services = informers.services();
  const pods = informers.pods();
  const all = informers.endpoints();
  const writes = createOwnWrites(all);
  const endpointsClient = client.resource(endpointsResource);

  const reconcile = async (key: string, signal: AbortSignal): Promise<void> => {
    if (!writes.areSeen(key)) return; // what is not seen yet will wake us
    const service = services.get(key);
    const present = all.get(key);
    if (service === undefined || service.metadata.deletionTimestamp !== undefined) {
      if (present?.metadata.labels?.[managerLabel] !== managerName) return;
      const { namespace, name } = present.metadata;
      await endpointsClient.delete({ namespace, name }, { signal }).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
      writes.deleted(key, present);
      return;
    }
    if (!hasSelector(service)) return;
    const { subsets, truncated } = endpointSubsets(
      service,
      pods.byIndex("namespace", service.metadata.namespace ?? ""),
    );
    const { [capacityAnnotation]: _, ...annotations } = present?.metadata.annotations ?? {};
    const wanted: DeepReadonly<Endpoints> = {
      apiVersion: "v1",
      kind: "Endpoints",
      metadata: {
        ...(present?.metadata ?? { name: service.metadata.name, namespace: service.metadata.namespace }),
        labels: {
          ...service.metadata.labels,
          [managerLabel]: managerName,
          ...(isHeadless(service) ? { "service.kubernetes.io/headless": "" } : {}),
        },
        annotations: truncated ? { ...annotations, [capacityAnnotation]: "truncated" } : annotations,
      },
      subsets,
    };
    if (present !== undefined && sameJson(decided(present), decided(wanted))) return;
    const written =
      present === undefined
        ? await endpointsClient.create(wanted, { signal })
        : await endpointsClient.update(wanted, { signal });
    writes.wrote(key, written as DeepReadonly<Endpoints>);
  };

  const watches = [
    wakeOn(services, (service) => [objectKey(service)]),
    wakeOn(pods, servicesOf(services)),
    wakeOn(all, (endpoints) =>
      endpoints.metadata.labels?.[managerLabel] === managerName ? [objectKey(endpoints)] : [],
    ),
  ];
  return createLoop({ name: "endpoint", watches, reconcile }, ports);
}
