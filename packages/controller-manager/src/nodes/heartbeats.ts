// Where nodes say that they live: leases of their names in a namespace of their own. Other leases are nobody's heartbeat.
import type { ApiObject, DeepReadonly } from "@coxswain/apimachinery";

export const heartbeatNamespace = "kube-node-lease";

export const heartbeatKey = (node: string): string => `${heartbeatNamespace}/${node}`;

/** The node that a lease belongs to, as keys. */
export const heartbeatOf = ({ metadata }: DeepReadonly<ApiObject>): readonly string[] =>
  metadata.namespace === heartbeatNamespace ? [metadata.name] : [];
