import { fieldErrorText, StatusError, type ApiObject } from "@coxswain/apimachinery";
import { createSeededRandom } from "@coxswain/clock/testing";
import type { Service } from "@coxswain/api/core/v1";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createMemoryObjects, createMemoryStorage } from "../../../../../../testing/memory-objects.ts";
import { withFamilies } from "./families.ts";
import { createIpAllocator } from "./ip-allocator.ts";
import { parseIpRange } from "./ip-range.ts";
import { createPortAllocator, parsePortRange } from "./port-allocator.ts";
import { createAllocationRepair } from "./repair.ts";
import { createServiceAllocator, ipsOf, portsOf, type ServiceAllocator } from "./service-allocation.ts";

const ipRange = parseIpRange("10.96.0.0/28");
const portRange = parsePortRange("30000-30009");

/** As many apiservers as seeds, on one store. */
function servers(seeds: readonly number[]) {
  const writer = createMemoryObjects();
  const storage = createMemoryStorage();
  const nodePorts = seeds.map((seed) => createPortAllocator(portRange, { storage, random: createSeededRandom(seed) }));
  const allocators = seeds.map((seed, index): ServiceAllocator => {
    const ips = createIpAllocator(ipRange, { writer, random: createSeededRandom(seed) });
    return createServiceAllocator({ ipRange, portRange }, { ips, nodePorts: nodePorts[index] ?? nodePorts[0]! });
  });
  return { writer, allocators, nodePorts: nodePorts[0]! };
}

function service(name: string, spec: Service["spec"]): ApiObject {
  return { apiVersion: "v1", kind: "Service", metadata: { name, namespace: "shop" }, spec } as ApiObject;
}
const specOf = (object: ApiObject): NonNullable<Service["spec"]> => (object as Service).spec ?? {};

const wish = fc.record({
  server: fc.nat(2),
  ip: fc.constantFrom("", "", "", "10.96.0.3", "10.96.0.4", "None"),
  nodePort: fc.constantFrom(undefined, 0, 0, 30_003, 30_004),
  fails: fc.boolean(),
  leaves: fc.boolean(),
});

describe("service allocation", () => {
  test("never gives one address or port to two services, with three apiservers at once", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(wish, { minLength: 1, maxLength: 6 }), { maxLength: 5 }), async (waves) => {
        const { allocators } = servers([1, 2, 3]);
        const living = new Map<string, ApiObject>();
        for (const [wave, wishes] of waves.entries()) {
          await Promise.all(
            wishes.map(async ({ server, ip, nodePort, fails, leaves }, index) => {
              const name = `s${wave}-${index}`;
              const type = nodePort === undefined ? "ClusterIP" : "NodePort";
              const wanted = service(name, {
                type,
                ...(ip === "" ? {} : { clusterIP: ip }),
                ports: [{ port: 80, ...(nodePort ? { nodePort } : {}) }],
              });
              const allocator = allocators[server];
              try {
                const allocation = await allocator?.allocate(wanted, undefined, false);
                if (allocation === undefined) return;
                if (fails) await allocation.revert();
                else {
                  living.set(name, allocation.service);
                  await allocation.commit();
                  if (leaves) {
                    living.delete(name);
                    await allocator?.release(allocation.service);
                  }
                }
              } catch (error) {
                if (!(error instanceof StatusError)) throw error;
              }
            }),
          );
          const ips = [...living.values()].flatMap((one) => ipsOf(specOf(one)));
          const ports = [...living.values()].flatMap((one) => portsOf(specOf(one)));
          expect([new Set(ips).size, new Set(ports).size]).toEqual([ips.length, ports.length]);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("uses the whole range before it says that it is full, and what is given back again", async () => {
    const { allocators } = servers([1, 2]);
    const made: ApiObject[] = [];
    for (let i = 0; i < 14; i++)
      made.push(
        (await allocators[i % 2]!.allocate(service(`s${i}`, { ports: [{ port: 80 }] }), undefined, false)).service,
      );
    expect(made.map((one) => specOf(one).clusterIP).toSorted()).toEqual(
      Array.from({ length: 14 }, (_, i) => `10.96.0.${i + 1}`).toSorted(),
    );
    await expect(allocators[0]!.allocate(service("late", {}), undefined, false)).rejects.toThrow("range is full");
    await allocators[1]!.release(made[5]!);
    expect(specOf((await allocators[0]!.allocate(service("late", {}), undefined, false)).service).clusterIP).toBe(
      specOf(made[5]!).clusterIP,
    );
  });

  test("refuses in Kubernetes' words", async () => {
    const { allocators } = servers([1]);
    const allocate = (spec: Service["spec"]): Promise<unknown> =>
      allocators[0]!.allocate(service("web", spec), undefined, false);
    await allocate({ clusterIP: "10.96.0.5" });
    await expect(allocate({ clusterIP: "10.96.0.5" })).rejects.toThrow(
      'Service "web" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.5"]: failed to allocate IP 10.96.0.5: provided IP is already allocated',
    );
    await expect(allocate({ clusterIP: "10.97.0.5" })).rejects.toThrow(
      "the provided IP (10.97.0.5) is not in the valid range. The range of valid IPs is 10.96.0.0/28",
    );
    await expect(allocate({ type: "NodePort", ports: [{ port: 80, nodePort: 80 }] })).rejects.toThrow(
      'Service "web" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-30009',
    );
    await allocate({ type: "NodePort", ports: [{ port: 80, nodePort: 30_001 }] });
    await expect(allocate({ type: "NodePort", ports: [{ port: 80, nodePort: 30_001 }] })).rejects.toThrow(
      "spec.ports[0].nodePort: Invalid value: 30001: provided port is already allocated",
    );
  });

  test("an update keeps what it leaves out and gives back what it no longer needs", async () => {
    const { allocators, nodePorts } = servers([1]);
    const [allocator] = allocators;
    const first = await allocator!.allocate(
      service("web", { type: "NodePort", ports: [{ port: 80 }] }),
      undefined,
      false,
    );
    const [taken] = portsOf(specOf(first.service));
    const same = await allocator!.allocate(
      service("web", { type: "NodePort", ports: [{ port: 80 }] }),
      first.service,
      false,
    );
    expect(specOf(same.service)).toEqual(specOf(first.service));
    const plain = await allocator!.allocate(
      service("web", { type: "ClusterIP", externalTrafficPolicy: "Cluster", ports: [{ port: 80, nodePort: taken }] }),
      service("web", { ...specOf(same.service), externalTrafficPolicy: "Cluster" }),
      false,
    );
    await plain.commit();
    expect([portsOf(specOf(plain.service)), ipsOf(specOf(plain.service)), [...(await nodePorts.taken())]]).toEqual([
      [],
      ipsOf(specOf(first.service)),
      [],
    ]);
    expect(specOf(plain.service).externalTrafficPolicy).toBeUndefined();
    const { ipFamilies, ipFamilyPolicy } = specOf(plain.service);
    const named = service("web", { type: "ExternalName", externalName: "x.y", ipFamilies, ipFamilyPolicy });
    const outside = await allocator!.allocate(named, plain.service, false);
    expect(specOf(outside.service)).toEqual({ type: "ExternalName", externalName: "x.y" });
  });

  test("repair gives back what nobody holds and takes what somebody does", async () => {
    const { writer, allocators, nodePorts } = servers([1]);
    await allocators[0]!.allocate(
      service("lost", { type: "NodePort", clusterIP: "10.96.0.9", ports: [{ port: 80, nodePort: 30_009 }] }),
      undefined,
      false,
    );
    writer.put(
      "services",
      service("restored", {
        type: "NodePort",
        clusterIP: "10.96.0.2",
        clusterIPs: ["10.96.0.2"],
        ports: [{ port: 80, nodePort: 30_002 }],
      }),
    );
    const repair = createAllocationRepair(ipRange, { writer, nodePorts });
    const found: string[] = [];
    for (let look = 0; look < 3; look++) found.push(...(await repair.run(100_000)));
    expect(found).toEqual([
      "address 10.96.0.2 of service shop/restored was not marked as taken",
      "address 10.96.0.9 was taken by no service",
      "node port 30009 was taken by no service",
    ]);
    expect([
      [...writer.view({ group: "networking.k8s.io", resource: "ipaddresses" }).list()].map(
        ({ metadata }) => metadata.name,
      ),
      [...(await nodePorts.taken())],
    ]).toEqual([["10.96.0.2"], [30_002]]);
  });

  test("whoever gives back late leaves the next owner what it has", async () => {
    const { writer, allocators } = servers([1, 2]);
    const held = { clusterIP: "10.96.0.9" };
    const { service: first } = await allocators[0]!.allocate(service("first", held), undefined, false);
    await allocators[0]!.release(first);
    await allocators[1]!.allocate(service("second", held), undefined, false);
    await allocators[0]!.release(first);
    const addresses = [...writer.view({ group: "networking.k8s.io", resource: "ipaddresses" }).list()];
    expect(addresses).toMatchObject([{ metadata: { name: "10.96.0.9" }, spec: { parentRef: { name: "second" } } }]);
  });

  test("gives out addresses of further ranges while they are ready and stay, and only then", async () => {
    const { writer, allocators } = servers([1]);
    const cidr = (status: "True" | "False", leaving: boolean): void =>
      writer.put("servicecidrs.networking.k8s.io", {
        apiVersion: "networking.k8s.io/v1",
        kind: "ServiceCIDR",
        metadata: { name: "more", ...(leaving ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}) },
        spec: { cidrs: ["10.200.0.0/30", "fd00::/112"] },
        status: { conditions: [{ type: "Ready", status }] },
      } as ApiObject);
    const allocate = async (name: string, clusterIP?: string): Promise<string | undefined> =>
      specOf((await allocators[0]!.allocate(service(name, clusterIP ? { clusterIP } : {}), undefined, false)).service)
        .clusterIP;
    for (let i = 0; i < 14; i++) await allocate(`s${i}`);
    cidr("False", false);
    await expect(allocate("early")).rejects.toThrow("range is full");
    cidr("True", false);
    expect([await allocate("a", "10.200.0.2"), await allocate("b")]).toEqual(["10.200.0.2", "10.200.0.1"]);
    cidr("True", true);
    await expect(allocate("late", "10.200.0.1")).rejects.toThrow("not in the valid range");
  });

  test("a dry run gives what stands for an address and ports", async () => {
    const { allocators } = servers([1]);
    const asked = service("web", {
      type: "LoadBalancer",
      externalTrafficPolicy: "Local",
      ports: [{ port: 80 }, { port: 81, nodePort: 30_005 }, { port: 82 }],
    });
    const { spec } = (await allocators[0]!.allocate(asked, undefined, true)).service as Service;
    expect([spec?.clusterIP, spec?.ports?.map(({ nodePort }) => nodePort), spec?.healthCheckNodePort]).toEqual([
      "10.96.0.0",
      [30_006, 30_005, 30_007],
      30_008,
    ]);
  });

  test("one port over two protocols gets the one number that is asked for", async () => {
    const { allocators } = servers([1]);
    const list = [
      { port: 53, protocol: "TCP" as const },
      { port: 53, protocol: "UDP" as const, nodePort: 30_003 },
    ];
    const made = await allocators[0]!.allocate(service("dns", { type: "NodePort", ports: list }), undefined, false);
    expect(specOf(made.service).ports?.map(({ nodePort }) => nodePort)).toEqual([30_003, 30_003]);
  });
});

describe("families of a service", () => {
  const families = (spec: Service["spec"], old?: Service["spec"]): unknown => {
    const { spec: made, errors } = withFamilies(spec ?? {}, old);
    return errors.length > 0 ? errors.map(fieldErrorText) : [made.ipFamilies, made.ipFamilyPolicy];
  };

  test.each<[Service["spec"], unknown]>([
    [{}, [["IPv4"], "SingleStack"]],
    [{ ipFamilyPolicy: "PreferDualStack" }, [["IPv4"], "PreferDualStack"]],
    [{ clusterIP: "None", clusterIPs: ["None"], selector: { a: "b" } }, [["IPv4"], "SingleStack"]],
    [{ clusterIP: "None", clusterIPs: ["None"] }, [["IPv4", "IPv6"], "RequireDualStack"]],
    [{ clusterIP: "None", clusterIPs: ["None"], ipFamilies: ["IPv6"] }, [["IPv6", "IPv4"], "RequireDualStack"]],
    [
      { clusterIP: "None", clusterIPs: ["None"], ipFamilies: ["IPv6"], ipFamilyPolicy: "SingleStack" },
      [["IPv6"], "SingleStack"],
    ],
    [
      { ipFamilies: ["IPv6"], ipFamilyPolicy: "RequireDualStack" },
      [
        'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
        'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster',
      ],
    ],
    [
      { clusterIP: "fd00::1", clusterIPs: ["fd00::1"] },
      ['spec.clusterIPs[0]: Invalid value: ["fd00::1"]: IPv6 is not configured on this cluster'],
    ],
    [
      { clusterIPs: ["10.96.0.1"] },
      ['spec.clusterIPs: Invalid value: ["10.96.0.1"]: must be empty when `clusterIP` is not specified'],
    ],
    [
      { ipFamilies: ["IPv4", "IPv6"] },
      [
        "spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified",
      ],
    ],
  ])("%j", (spec, expected) => {
    expect(families(spec)).toEqual(expected);
  });

  test("are given up by who asks for one, not by who leaves one out", () => {
    const old: Service["spec"] = {
      clusterIP: "None",
      clusterIPs: ["None"],
      ipFamilies: ["IPv4", "IPv6"],
      ipFamilyPolicy: "RequireDualStack",
    };
    expect(families({ ...old, ipFamilyPolicy: "SingleStack" }, old)).toEqual([["IPv4"], "SingleStack"]);
    expect(families({ ...old, ipFamilies: ["IPv4"] }, old)).toEqual([
      "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": must be 'SingleStack' to release the secondary IP family",
    ]);
  });
});
