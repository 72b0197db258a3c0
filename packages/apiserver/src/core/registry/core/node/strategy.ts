// Nodes: unlike elsewhere the status given on create stays, since a node agent registers with it. Configuration by the cluster is a thing of
// the past: a node that has none gets none.
import type { ApiObject } from "@coxswain/apimachinery";
import type { Strategy } from "../../strategy.ts";
import { memberOf } from "../../strategy.ts";

export const nodeStrategy: Strategy = {
  createsWithStatus: true,
  prepareForCreate: (node) => withoutConfiguration(node, {}),
  prepareForUpdate: withoutConfiguration,
  prepareForStatusUpdate: withoutConfiguration,
};

function withoutConfiguration(node: ApiObject, old: object): void {
  const spec: { configSource?: unknown } = memberOf(node, "spec");
  const status: { config?: unknown } = memberOf(node, "status");
  if (memberOf(old, "spec")["configSource"] === undefined) delete spec.configSource;
  if (memberOf(old, "status")["config"] === undefined) delete status.config;
}
