// A node wakes when it or its lease changes, and when one of its pods is told to leave.
import type { Lease } from "@coxswain/api/coordination/v1";
import type { ControllerRevision } from "@coxswain/api/apps/v1";
import type { Node, Pod } from "@coxswain/api/core/v1";
import { objectKey } from "@coxswain/apimachinery";
import type { Informer } from "@coxswain/controller";
import { wakeOn } from "../../loop/controller.ts";
import type { Watch } from "../../loop/controller.ts";
import { heartbeatOf } from "../../nodes/heartbeats.ts";

export function fencedPodWatches(informers: {
  readonly nodes: Informer<Node>;
  readonly leases: Informer<Lease>;
  readonly pods: Informer<Pod>;
  readonly revisions: Informer<ControllerRevision>;
}): readonly Watch[] {
  return [
    wakeOn(informers.nodes, (node) => [objectKey(node)]),
    wakeOn(informers.leases, heartbeatOf),
    wakeOn(informers.pods, ({ metadata, spec }) =>
      metadata.deletionTimestamp !== undefined && spec?.nodeName ? [spec.nodeName] : [],
    ),
    wakeOn(informers.revisions, () => []),
  ];
}
