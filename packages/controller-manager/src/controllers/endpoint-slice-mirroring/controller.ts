// Mirrors Endpoints that people write into EndpointSlices, and takes away what it mirrored when they go.
import { endpointSlices } from "@coxswain/api/discovery/v1";
import { objectKey } from "@coxswain/apimachinery";
import { isAlreadyExists, isConflict, isNotFound } from "@coxswain/client";
import type { ReconcileResult } from "@coxswain/controller";
import { createLoop, wakeOn } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { sameJson } from "../../loop/same-json.ts";
import { managerLabel, serviceLabel } from "../endpoint-slice/labels.ts";
import { isMirrored, mirroredSlices, mirrorName } from "./plan.ts";

/** The cache does not show yet what was written a moment ago. */
const againMs = 500;

export function createEndpointSliceMirroringController(ports: ControllerPorts): Controller {
  const { client, informers } = ports;
  const endpoints = informers.endpoints();
  const services = informers.services();
  const slices = informers.endpointSlices();
  const sliceClient = client.resource(endpointSlices);

  const reconcile = async (key: string, signal: AbortSignal): Promise<ReconcileResult | void> => {
    const source = endpoints.get(key);
    const mine = new Map(
      slices
        .byIndex("service", key)
        .filter((slice) => slice.metadata.labels?.[managerLabel] === mirrorName)
        .map((slice) => [slice.metadata.name, slice]),
    );
    const wanted = source !== undefined && isMirrored(source, services.get(key)) ? mirroredSlices(source) : [];
    try {
      for (const slice of wanted) {
        const known = mine.get(slice.metadata.name);
        mine.delete(slice.metadata.name);
        if (known === undefined) await sliceClient.create(slice, { signal });
        else {
          const { labels, annotations, ownerReferences } = slice.metadata;
          const object = { ...slice, metadata: { ...known.metadata, labels, annotations, ownerReferences } };
          if (!sameJson(object, known)) await sliceClient.update(object, { signal });
        }
      }
      for (const { metadata } of mine.values())
        await sliceClient.delete({ namespace: metadata.namespace, name: metadata.name }, { signal });
      return undefined;
    } catch (error) {
      if (isAlreadyExists(error) || isConflict(error) || isNotFound(error)) return { wakeAfterMs: againMs };
      throw error;
    }
  };

  const watches = [
    wakeOn(endpoints, (one) => [objectKey(one)]),
    wakeOn(services, (service) => [objectKey(service)]),
    wakeOn(slices, ({ metadata }) =>
      metadata.labels?.[managerLabel] === mirrorName
        ? [`${metadata.namespace}/${metadata.labels[serviceLabel] ?? ""}`]
        : [],
    ),
  ];
  return createLoop({ name: "endpoint_slice_mirroring", watches, reconcile }, ports);
}
