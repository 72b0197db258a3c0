// Writes the EndpointSlices of services with selectors. Slices of other managers are left alone; those of a service that is gone
// go with it, by garbage collection and here.
import { endpointSlices } from "@coxswain/api/discovery/v1";
import type { EndpointSlice } from "@coxswain/api/discovery/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { isNotFound } from "@coxswain/client";
import { rfc3339 } from "@coxswain/clock";
import { createOwnWrites } from "@coxswain/controller";
import { createLoop } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { controllerReference } from "../../ownership/adopt.ts";
import { createCreator } from "../../ownership/create-once.ts";
import { hasSelector, podsOf } from "../../services/endpoints-of.ts";
import type { ReadonlyService } from "../../services/endpoints-of.ts";
import { labelsOfSlices, managerLabel, managerName } from "./labels.ts";
import { planEndpointSlices } from "./plan.ts";
import type { SliceAction, SliceContent } from "./plan.ts";
import { createTriggerTimes, triggerAnnotation } from "./trigger-time.ts";
import { endpointSliceWatches } from "./watches.ts";

const zoneLabel = "topology.kubernetes.io/zone";

export function createEndpointSliceController(ports: ControllerPorts): Controller {
  const { client, informers, random } = ports;
  const services = informers.services();
  const pods = informers.pods();
  const slices = informers.endpointSlices();
  const nodes = informers.nodes();
  const writes = createOwnWrites(slices);
  const sliceClient = client.resource(endpointSlices);
  const creator = createCreator(sliceClient, writes);
  const triggerTimes = createTriggerTimes();

  const reconcile = async (key: string, signal: AbortSignal): Promise<void> => {
    if (!writes.areSeen(key)) return; // what is not seen yet will wake us
    if (await creator.settle(key, signal)) return; // what was settled will wake us
    const service = services.get(key);
    const mine = slices
      .byIndex("service", key)
      .filter((slice) => slice.metadata.labels?.[managerLabel] === managerName);
    if (service === undefined || service.metadata.deletionTimestamp !== undefined) {
      triggerTimes.forget(key);
      for (const slice of mine) await act(key, service, { kind: "delete", slice }, undefined, signal);
      return;
    }
    if (!hasSelector(service)) return; // its slices, if any, are written by people
    const nearby = pods.byIndex("namespace", service.metadata.namespace ?? "");
    const since = triggerTimes.observe(key, service, podsOf(service, nearby));
    const plan = planEndpointSlices({
      service,
      pods: nearby,
      slices: mine,
      zoneOf: (node) => nodes.get(node)?.metadata.labels?.[zoneLabel],
    });
    for (const action of plan.actions) await act(key, service, action, since, signal);
  };

  const act = async (
    key: string,
    service: ReadonlyService | undefined,
    action: SliceAction,
    sinceMs: number | undefined,
    signal: AbortSignal,
  ): Promise<void> => {
    if (action.kind === "delete") {
      const { namespace, name } = action.slice.metadata;
      await sliceClient.delete({ namespace, name }, { signal }).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
      writes.deleted(key, action.slice);
      return;
    }
    if (service === undefined) return;
    if (action.kind === "create") {
      const name = `${service.metadata.name.slice(0, 240)}-${random.suffix(5)}`;
      await creator.create(key, sliceObject(service, action.content, { name }, sinceMs), signal);
      return;
    }
    const slice = sliceObject(service, action.content, action.slice.metadata, sinceMs);
    const written = await sliceClient.update(slice, { signal });
    writes.wrote(key, written as DeepReadonly<EndpointSlice>);
  };

  return createLoop({ name: "endpointslice", watches: endpointSliceWatches(informers), reconcile }, ports);
}

function sliceObject(
  service: ReadonlyService,
  content: SliceContent,
  metadata: DeepReadonly<EndpointSlice["metadata"]>,
  sinceMs: number | undefined,
): DeepReadonly<EndpointSlice> {
  const { [triggerAnnotation]: _, ...others } = metadata.annotations ?? {};
  const annotations = sinceMs === undefined ? others : { ...others, [triggerAnnotation]: rfc3339(sinceMs) };
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      ...metadata,
      ...(Object.keys(annotations).length > 0 || metadata.annotations ? { annotations } : {}),
      generateName: `${service.metadata.name}-`,
      namespace: service.metadata.namespace,
      labels: labelsOfSlices(service),
      ownerReferences: [controllerReference({ object: service, apiVersion: "v1", kind: "Service" })],
    },
    addressType: content.addressType,
    endpoints: content.endpoints,
    ports: content.ports,
  };
}
