// Gives every node its pod CIDR, once and for good. One worker: two could give the same block away.
import { nodes as nodeResource } from "@coxswain/api/core/v1";
import type { Node } from "@coxswain/api/core/v1";
import { objectKey } from "@coxswain/apimachinery";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { createOwnWrites } from "@coxswain/controller";
import type { ReconcileResult } from "@coxswain/controller";
import { createLoop, wakeOn } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { formatRange, freeRange, parseRange } from "./plan.ts";
import type { Range } from "./plan.ts";

export interface NodeIpamConfig {
  readonly cluster: Range;
  readonly nodeMask: number;
}

/** All nodes share one owner in the memory of own writes: a block given to any of them concerns all. */
const everybody = "cluster";

export function createNodeIpamController(ports: ControllerPorts, config: NodeIpamConfig): Controller {
  const { client, informers, log } = ports;
  const nodes = informers.nodes();
  const writes = createOwnWrites(nodes);
  const nodeClient = client.resource(nodeResource);
  const events = ports.events("cidrAllocator");

  const reconcile = async (key: string, signal: AbortSignal): Promise<ReconcileResult | void> => {
    const node = nodes.get(key);
    if (node === undefined || node.spec?.podCIDR || node.metadata.deletionTimestamp !== undefined) return;
    if (!writes.areSeen(everybody)) return { wakeAfterMs: 50 }; // another node's block is not in the cache yet
    const taken = nodes.list().flatMap((other) => parseRange(other.spec?.podCIDR ?? "") ?? []);
    const free = freeRange(config.cluster, config.nodeMask, taken);
    if (free === undefined) {
      events.record(node, "Normal", "CIDRNotAvailable", `Node ${key} status is now: CIDRNotAvailable`);
      throw new Error(`no pod CIDR is left in ${formatRange(config.cluster)} for node ${key}`);
    }
    const podCIDR = formatRange(free);
    const written = await nodeClient.update(
      { ...node, spec: { ...node.spec, podCIDR, podCIDRs: [podCIDR] } },
      { signal },
    );
    writes.wrote(everybody, written as DeepReadonly<Node>);
    log.info({ controller: "node-ipam", node: key, podCIDR, because: "it had none" }, "a node has its pod CIDR");
  };

  return createLoop(
    { name: "node-ipam", concurrency: 1, watches: [wakeOn(nodes, (node) => [objectKey(node)])], reconcile },
    ports,
  );
}
