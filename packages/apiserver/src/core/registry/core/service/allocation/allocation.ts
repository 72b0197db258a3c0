// Everything about service addresses and node ports put together, in the form in which the verbs ask for it.
import type { ApiObject } from "@coxswain/apimachinery";
import type { Random } from "@coxswain/clock";
import type { GroupResource, ObjectWriter } from "../../../../request.ts";
import type { Storage } from "../../../../storage.ts";
import { createIpAllocator } from "./ip-allocator.ts";
import { parseIpRange } from "./ip-range.ts";
import { createPortAllocator, parsePortRange } from "./port-allocator.ts";
import { createAllocationRepair, type AllocationRepair } from "./repair.ts";
import { createServiceAllocator, type ServiceAllocator } from "./service-allocation.ts";

export interface ClusterAllocation {
  handles(kind: GroupResource): boolean;
  /** Completes `object`, which is the request's own. Exactly one of the two functions is called afterwards. */
  allocate(object: ApiObject, old: ApiObject | undefined, dryRun: boolean): Promise<{ readonly commit: () => Promise<void>; readonly release: () => Promise<void> }>;
  releaseAll(object: ApiObject): Promise<void>;
  readonly allocator: ServiceAllocator;
  readonly repair: AllocationRepair;
}

/** Ranges as in `--service-cluster-ip-range` and `--service-node-port-range`; throws a RangeError for what is none. */
export function createAllocation(
  config: { readonly serviceRange: string; readonly nodePortRange: string },
  ports: { readonly writer: ObjectWriter; readonly storage: Pick<Storage, "get" | "create" | "replace">; readonly random: Random },
): ClusterAllocation {
  const ipRange = parseIpRange(config.serviceRange);
  const portRange = parsePortRange(config.nodePortRange);
  const nodePorts = createPortAllocator(portRange, ports);
  const allocator = createServiceAllocator({ ipRange, portRange }, { ips: createIpAllocator(ipRange, ports), nodePorts });
  return {
    allocator,
    repair: createAllocationRepair(ipRange, { writer: ports.writer, nodePorts }),
    handles: ({ group, resource }) => group === "" && resource === "services",
    async allocate(object, old, dryRun) {
      const { service, commit, revert } = await allocator.allocate(object, old, dryRun);
      Object.assign(object, service);
      return { commit, release: revert };
    },
    releaseAll: (object) => allocator.release(object),
  };
}
