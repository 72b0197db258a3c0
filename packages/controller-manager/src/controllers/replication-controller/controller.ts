// ReplicationControllers: ReplicaSets of an older name. Everything is in ../replica-set.
import { replicationControllers } from "@coxswain/api/core/v1";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { createReplicatorController } from "../replica-set/controller.ts";

export function createReplicationControllerController(ports: ControllerPorts): Controller {
  const kind = {
    name: "replicationcontroller",
    descriptor: replicationControllers,
    sets: ports.informers.replicationControllers(),
  };
  return createReplicatorController(kind, ports);
}
