// `cox drain`: cordons a node and evicts its pods, as their disruption budgets allow, until none is left that may leave.
import { StatusError } from "@coxswain/apimachinery";
import { bool, dryRunFlag, duration, number, selectorFlag, text } from "../args/common.ts";
import type { Args } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { CommandError, ExitError } from "../failure.ts";
import { withProgress } from "../print/progress.ts";
import { call, getObject, isNotFound, listObjects, pathOf } from "../resource/api.ts";
import type { Obj } from "../resource/api.ts";
import type { Descriptor } from "../resource/mapper.ts";
import { dryRunOf } from "../resource/report.ts";
import type { DryRun } from "../resource/report.ts";
import { waitForObject } from "../resource/wait-for.ts";
import type { Session } from "../session.ts";
import { nodesOf, setCordon } from "./cordon.ts";

export const drain: Command = {
  usage: "drain NODE [options]",
  summary: "Drain node in preparation for maintenance",
  examples: `
# Also pods that nobody would start again
cox drain foo --force

# With 15 minutes for each pod to end
cox drain foo --grace-period=900 --ignore-daemonsets`,
  flags: {
    ...selectorFlag,
    ...dryRunFlag,
    "chunk-size": number("Return large lists in chunks rather than all at once.", { default: "500" }),
    "delete-emptydir-data": bool(
      "Continue even if there are pods using emptyDir (local data that will be deleted when the node is drained).",
    ),
    "disable-eviction": bool(
      "Force drain to use delete, even if eviction is supported. This will bypass checking PodDisruptionBudgets, use with caution.",
    ),
    force: bool("Continue even if there are pods that do not declare a controller."),
    "grace-period": number("Period of time in seconds given to each pod to terminate gracefully.", { default: "-1" }),
    "ignore-daemonsets": bool("Ignore DaemonSet-managed pods."),
    "pod-selector": text("Label selector to filter pods on the node"),
    "skip-wait-for-delete-timeout": number(
      "If pod DeletionTimestamp older than N seconds, skip waiting for the pod.  Seconds must be greater than 0 to skip.",
    ),
    timeout: duration("The length of time to wait before giving up, zero means infinite"),
  },
  run: async (session, args) => {
    const nodes = await nodesOf(session, args, "drain");
    const dryRun = dryRunOf(session, args);
    for (const node of nodes) await setCordon(session, args, node, true);
    const errors: string[] = [];
    const pods = await (await session.mapper()).find("pods");
    for (const node of nodes) {
      try {
        await drainNode(session, args, node.name, pods, dryRun);
        session.out.write(
          `node/${node.name} drained${dryRun === "client" ? " (dry run)" : dryRun === "server" ? " (server dry run)" : ""}\n`,
        );
      } catch (error) {
        if (session.signal.aborted) throw error;
        errors.push((error as Error).message);
        session.err.write(
          `error: unable to drain node "${node.name}" due to error: ${(error as Error).message}, continuing command...\nThere are pending nodes to be drained:\n ${node.name}\n`,
        );
      }
    }
    if (errors.length > 0) throw new ExitError(1, [...new Set(errors)].join("\n"));
  },
};

async function drainNode(session: Session, args: Args, node: string, pods: Descriptor, dryRun: DryRun): Promise<void> {
  const list = await listObjects(session, pods, undefined, {
    fieldSelector: `spec.nodeName=${node}`,
    labelSelector: args.text("pod-selector"),
    limit: args.number("chunk-size") || undefined,
  });
  const verdicts = await Promise.all(list.items.map(async (pod) => ({ pod, ...(await judge(session, args, pod)) })));
  const refused = group(verdicts, "refuse");
  if (refused.length > 0) throw new CommandError(refused.join(", "));
  const warned = group(verdicts, "warn");
  if (warned.length > 0) session.err.write(`Warning: ${warned.join("; ")}\n`);
  const leaving = verdicts.filter(({ leave }) => leave).map(({ pod }) => pod);
  const method = args.flag("disable-eviction") ? "deleting" : "evicting";
  let gone = 0;
  const soFar = (): string => `draining ${node}: ${gone} of ${leaving.length} pods gone`;
  const leave = async (waiting: Session, pod: Obj): Promise<void> => {
    waiting.out.write(
      `${method} pod ${pod.metadata.namespace}/${pod.metadata.name}${dryRun === "client" ? " (dry run)" : dryRun === "server" ? " (server dry run)" : ""}\n`,
    );
    if (dryRun === "client") return;
    if (!(await remove(waiting, args, pods, pod, dryRun)) || dryRun !== "none") return;
    await waitForObject(
      waiting,
      { descriptor: pods, namespace: pod.metadata.namespace, name: pod.metadata.name },
      args.duration("timeout"),
      (now) => now?.metadata.uid !== pod.metadata.uid,
    );
    gone += 1;
    waiting.out.write(`pod/${pod.metadata.name} ${args.flag("disable-eviction") ? "deleted" : "evicted"}\n`);
  };
  await withProgress(session, soFar, (waiting) => Promise.all(leaving.map((pod) => leave(waiting, pod))));
}

interface Verdict {
  readonly leave: boolean;
  readonly refuse?: string;
  readonly warn?: string;
}

/** The reasons in kubectl's order: mirrors stay, daemon pods stay, then what would be lost. */
async function judge(session: Session, args: Args, pod: Obj): Promise<Verdict> {
  const going = pod.metadata.deletionTimestamp;
  const patience = args.number("skip-wait-for-delete-timeout");
  if (patience > 0 && going !== undefined && session.clock.now() - Date.parse(going) > patience * 1000)
    return { leave: false };
  const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller === true);
  if (pod.metadata.annotations?.["kubernetes.io/config.mirror"] !== undefined) return { leave: false };
  const finished = ["Succeeded", "Failed"].includes(String((pod["status"] as { phase?: string } | undefined)?.phase));
  if (owner?.kind === "DaemonSet" && !finished) {
    const sets = await (await session.mapper()).find("daemonsets.apps");
    const there = await getObject(session, sets, pod.metadata.namespace, owner.name).then(
      () => true,
      (error: unknown) => {
        if (isNotFound(error)) return false;
        throw error;
      },
    );
    if (there)
      return args.flag("ignore-daemonsets")
        ? { leave: false, warn: "ignoring DaemonSet-managed Pods" }
        : { leave: false, refuse: "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)" };
    return args.flag("force")
      ? { leave: true }
      : { leave: false, refuse: "cannot delete Pods of a DaemonSet that is gone (use --force to override)" };
  }
  const volumes = (pod["spec"] as { volumes?: { emptyDir?: unknown }[] } | undefined)?.volumes ?? [];
  if (!finished && volumes.some(({ emptyDir }) => emptyDir !== undefined) && !args.flag("delete-emptydir-data"))
    return { leave: false, refuse: "cannot delete Pods with local storage (use --delete-emptydir-data to override)" };
  if (owner === undefined && !finished)
    return args.flag("force")
      ? { leave: true, warn: "deleting Pods that declare no controller" }
      : { leave: false, refuse: "cannot delete Pods that declare no controller (use --force to override)" };
  return { leave: true };
}

function group(verdicts: readonly (Verdict & { readonly pod: Obj })[], field: "refuse" | "warn"): string[] {
  const reasons = new Map<string, string[]>();
  for (const verdict of verdicts) {
    const reason = verdict[field];
    if (reason === undefined) continue;
    reasons.set(reason, [
      ...(reasons.get(reason) ?? []),
      `${verdict.pod.metadata.namespace}/${verdict.pod.metadata.name}`,
    ]);
  }
  return [...reasons].map(([reason, names]) => `${reason}: ${names.join(", ")}`);
}

/** False when the pod is gone already. A budget that says "not now" is asked again. */
async function remove(session: Session, args: Args, pods: Descriptor, pod: Obj, dryRun: DryRun): Promise<boolean> {
  const grace = args.number("grace-period");
  const options = {
    ...(grace < 0 ? {} : { gracePeriodSeconds: grace }),
    ...(dryRun === "server" ? { dryRun: ["All"] } : {}),
  };
  const path = pathOf(pods, pod.metadata.namespace, pod.metadata.name);
  for (;;) {
    try {
      if (args.flag("disable-eviction"))
        await call(session, { method: "DELETE", path, body: { apiVersion: "v1", kind: "DeleteOptions", ...options } });
      else
        await call(session, {
          method: "POST",
          path: `${path}/eviction`,
          body: {
            apiVersion: "policy/v1",
            kind: "Eviction",
            metadata: { name: pod.metadata.name, namespace: pod.metadata.namespace },
            deleteOptions: options,
          },
        });
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      if (!(error instanceof StatusError) || error.status.code !== 429)
        throw new CommandError(
          `error when evicting pods/"${pod.metadata.name}" -n "${pod.metadata.namespace}": ${(error as Error).message}`,
          { cause: error },
        );
      session.err.write(
        `error when evicting pods/"${pod.metadata.name}" -n "${pod.metadata.namespace}" (will retry after 5s): ${error.message}\n`,
      );
      await session.clock.sleep(5000, session.signal);
    }
  }
}
