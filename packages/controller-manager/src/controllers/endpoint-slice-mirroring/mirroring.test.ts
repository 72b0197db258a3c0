import { endpoints, services } from "@coxswain/api/core/v1";
import type { Endpoints, Service } from "@coxswain/api/core/v1";
import { endpointSlices } from "@coxswain/api/discovery/v1";
import { expect, it } from "vitest";
import { createWorld } from "../../../testing/world.ts";
import { createEndpointSliceMirroringController } from "./controller.ts";

const metadata = { namespace: "default", name: "db" };
const service = (spec: Service["spec"]): Service => ({ apiVersion: "v1", kind: "Service", metadata, spec });
const written = (...ips: readonly string[]): Endpoints => ({
  apiVersion: "v1",
  kind: "Endpoints",
  metadata: { ...metadata, labels: { tier: "data" } },
  subsets: [
    {
      addresses: ips.map((ip) => ({ ip })),
      notReadyAddresses: [{ ip: "192.0.2.9" }],
      ports: [{ name: "sql", port: 5432 }],
    },
  ],
});

it("Endpoints that a person wrote for a service without a selector are seen as slices, and follow it", async () => {
  const world = createWorld(1);
  const manager = world.start(createEndpointSliceMirroringController);
  await world.api.resource(services).create(service({ ports: [{ port: 5432 }] }));
  const client = world.api.resource(endpoints);
  await client.create(written("192.0.2.1", "2001:db8::1"));
  await world.settle(2);
  const seen = () =>
    world.api.all(endpointSlices).map(({ metadata: { labels }, addressType, endpoints: found, ports }) => ({
      labels,
      addressType,
      ready: found?.map(({ addresses, conditions }) => `${addresses.join()} ${conditions?.ready}`),
      ports: ports?.map(({ name, port, protocol }) => `${name} ${port}/${protocol}`),
    }));
  const labels = {
    tier: "data",
    "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
    "kubernetes.io/service-name": "db",
  };
  const ports = ["sql 5432/TCP"];
  expect(seen()).toEqual([
    { labels, addressType: "IPv4", ready: ["192.0.2.1 true", "192.0.2.9 false"], ports },
    { labels, addressType: "IPv6", ready: ["2001:db8::1 true"], ports },
  ]);
  await client.update({ ...(await client.get(metadata)), subsets: written("192.0.2.2").subsets });
  await world.settle(2);
  expect(seen()).toEqual([{ labels, addressType: "IPv4", ready: ["192.0.2.2 true", "192.0.2.9 false"], ports }]);
  // With a selector the pods are what counts.
  const current = await world.api.resource(services).get(metadata);
  await world.api.resource(services).update({ ...current, spec: { ...current.spec, selector: { app: "db" } } });
  await world.settle(2);
  expect(seen()).toEqual([]);
  await manager.stop();
});
