// `cox retry`: ends the back-off of pods now. The wish is written on the pod; its node's agent ends every present wait when it reads it.
import { rfc3339Micro } from "@coxswain/clock";
import { selectorFlag } from "../args/common.ts";
import { UsageError } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { CommandError, throwAll } from "../failure.ts";
import { list, part, str } from "../describe/page.ts";
import { patchObject } from "../resource/api.ts";
import { podsOf } from "../resource/pods-of.ts";
import type { PodLike } from "../resource/pods-of.ts";

/** Read by the node agent; when it changes, the pod's waits are over. */
const retryAt = "coxswain.io/retry-at";

export const retry: Command = {
  usage: "retry (POD | TYPE/NAME ... | -l SELECTOR) [options]",
  summary: "End a pod's back-off and try again now",
  description:
    "Ends the back-off of pods whose containers crash or whose images cannot be had, so that they are tried again now. Nodes of other makers than Coxswain take no notice.",
  examples: `
# One pod
cox retry web-1

# All pods of a deployment
cox retry deploy/web`,
  flags: { ...selectorFlag },
  run: async (session, args) => {
    const selector = args.text("selector");
    if (args.words.length === 0 && selector === "") throw new UsageError("expected 'retry POD': which pod waits?");
    if (args.words.length > 0 && selector !== "") throw new UsageError("only a selector (-l) or names are allowed");
    const targets = selector === "" ? args.words : [undefined];
    const pods: PodLike[] = [];
    for (const target of targets) pods.push(...(await podsOf(session, { target, selector })));
    if (pods.length === 0) throw new CommandError(`no pod in namespace ${session.namespace} has ${selector}`);
    const descriptor = await (await session.mapper()).find("pods");
    const errors: unknown[] = [];
    for (const pod of pods) {
      const { name, namespace } = pod.metadata;
      if (pod.spec.nodeName === undefined) {
        errors.push(
          new CommandError(`pod/${name} waits for a node, not for a back-off: see cox why pod/${name} -n ${namespace}`),
        );
        continue;
      }
      const waiting = waits(pod);
      if (waiting.length === 0) {
        session.out.write(`pod/${name} has nothing that waits\n`);
        continue;
      }
      const annotations = { [retryAt]: rfc3339Micro(session.clock.now()) };
      await patchObject(session, descriptor, { namespace, name }, "merge", { metadata: { annotations } });
      session.out.write(`pod/${name} tries again now: ${waiting.join(", ")}\n`);
    }
    throwAll(errors);
  },
};

/** "c (CrashLoopBackOff)" of every container that waits. */
function waits(pod: PodLike): string[] {
  const { containerStatuses, initContainerStatuses } = part(pod.status);
  return [...list(initContainerStatuses), ...list(containerStatuses)].flatMap((status) => {
    const reason = str(part(part(status["state"])["waiting"])["reason"]);
    return ["", "PodInitializing", "ContainerCreating"].includes(reason) ? [] : [`${str(status["name"])} (${reason})`];
  });
}
