// Writes into cluster roles that collect others what they collect, so that whoever reads the role sees what it gives.
import { clusterRoles } from "@coxswain/api/rbac/v1";
import type { ClusterRole } from "@coxswain/api/rbac/v1";
import { objectKey } from "@coxswain/apimachinery";
import { createLoop, wakeOn } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { sameJson } from "../../loop/same-json.ts";
import { collectedRules, collects } from "./plan.ts";

export function createClusterRoleAggregationController(ports: ControllerPorts): Controller {
  const roles = ports.informers.clusterRoles();
  const roleClient = ports.client.resource(clusterRoles);

  const reconcile = async (key: string, signal: AbortSignal): Promise<void> => {
    const role = roles.get(key);
    if (role?.aggregationRule === undefined || role.metadata.deletionTimestamp !== undefined) return;
    const rules = collectedRules(role, roles.list());
    if (!sameJson(rules, role.rules ?? [])) await roleClient.update({ ...role, rules } as ClusterRole, { signal });
  };

  const watches = [
    wakeOn(roles, (role) => [
      objectKey(role),
      ...roles
        .list()
        .filter((collector) => collects(collector, role))
        .map(objectKey),
    ]),
  ];
  return createLoop({ name: "ClusterRoleAggregator", watches, reconcile }, ports);
}
