// Writes to every node how long its agent may use what it has read of secrets and config maps.
import { nodes as nodeResource } from "@coxswain/api/core/v1";
import { objectKey } from "@coxswain/apimachinery";
import { isNotFound } from "@coxswain/client";
import { createLoop, wakeOn } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { nextStep, secondsOf, ttlAnnotation } from "./plan.ts";

export function createTtlController({ client, informers, ...ports }: ControllerPorts): Controller {
  const nodes = informers.nodes();
  const nodeClient = client.resource(nodeResource);
  let step = 0;

  const reconcile = async (key: string, signal: AbortSignal): Promise<void> => {
    const node = nodes.get(key);
    const wanted = String(secondsOf(step));
    if (node === undefined || node.metadata.annotations?.[ttlAnnotation] === wanted) return;
    const patch = { metadata: { annotations: { [ttlAnnotation]: wanted } } };
    await nodeClient.patch({ name: key }, patch, { type: "merge", signal }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error; // gone meanwhile
    });
  };

  const watch = wakeOn(nodes, (node) => {
    const before = step;
    step = nextStep(step, nodes.list().length);
    return step === before ? [objectKey(node)] : nodes.list().map(objectKey);
  });
  return createLoop({ name: "ttlcontroller", watches: [watch], reconcile }, ports);
}
