// `cox top`: what nodes and pods use, from the metrics API.
import { humanDuration, quantityMillis, quantityUnits } from "@coxswain/apimachinery";
import { allNamespacesFlag, bool, fieldSelectorFlag, selectorFlag, text } from "../args/common.ts";
import type { Args } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { list, part, str } from "../describe/page.ts";
import { CommandError } from "../failure.ts";
import { alignTabs, tableTabs } from "../print/tabs.ts";
import { call, isNotFound } from "../resource/api.ts";
import type { Obj } from "../resource/api.ts";
import { listObjects } from "../resource/api.ts";
import type { Session } from "../session.ts";

interface Usage {
  readonly cpu: number;
  readonly memory: number;
}

const metrics = "/apis/metrics.k8s.io/v1beta1";
const shared = {
  ...selectorFlag,
  "no-headers": bool("If present, print output without headers"),
  "show-swap": bool("Print swap resources related to the node or pod", { hidden: true }),
  "sort-by": text(
    "If non-empty, sort nodes or pods list using specified field. The field can be either 'cpu' or 'memory'.",
  ),
  "use-protocol-buffers": bool("Enables using protocol-buffers to access Metrics API; cox reads JSON in either case.", {
    default: "true",
  }),
};

const node: Command = {
  usage: "top node [NAME | -l label] [options]",
  summary: "Display resource (CPU/memory) usage of nodes",
  flags: {
    ...shared,
    "show-capacity": bool("Print node resources based on Capacity instead of Allocatable(default) of the nodes."),
  },
  run: async (session, args) => {
    const by = check(args);
    const [name] = args.words;
    if (name !== undefined && args.text("selector") !== "")
      throw new CommandError("only one of NAME or --selector can be provided");
    const items = await read(session, `${metrics}/nodes`, name, { labelSelector: args.text("selector") });
    const descriptor = await (await session.mapper()).find("nodes");
    const nodes = (
      await listObjects(session, descriptor, undefined, { labelSelector: args.text("selector") })
    ).items.filter(({ metadata }) => name === undefined || metadata.name === name);
    if (items.length === 0) throw new CommandError("metrics not available yet");
    const used = items.map((item) => ({ name: item.metadata.name, ...usageOf(item["usage"]) }));
    const sorted = sort(used, by, ({ name: own }) => own);
    const lines = sorted.map(({ name: own, cpu, memory }) => {
      const status = part(nodes.find(({ metadata }) => metadata.name === own)?.["status"]);
      const whole = part(args.flag("show-capacity") ? status["capacity"] : status["allocatable"]);
      const [cpus, bytes] = [quantityMillis(str(whole["cpu"]) || "0"), quantityUnits(str(whole["memory"]) || "0")];
      return `${own}\t${cpu}m\t${Math.floor((100 * cpu) / cpus)}%\t${mebi(memory)}\t${Math.floor((100 * memory) / bytes)}%\t`;
    });
    const silent = nodes.filter(({ metadata }) => !used.some((each) => each.name === metadata.name));
    for (const { metadata } of silent) lines.push(`${metadata.name}\t<unknown>\t<unknown>\t<unknown>\t<unknown>\t`);
    print(session, args, "NAME\tCPU(cores)\tCPU(%)\tMEMORY(bytes)\tMEMORY(%)\t", lines);
  },
};

const pod: Command = {
  usage: "top pod [NAME | -l label] [options]",
  summary: "Display resource (CPU/memory) usage of pods",
  flags: {
    ...shared,
    ...allNamespacesFlag,
    ...fieldSelectorFlag,
    containers: bool("If present, print usage of containers within a pod."),
    sum: bool("Print the sum of the resource usage"),
  },
  run: async (session, args) => {
    const by = check(args);
    const [name] = args.words;
    if (name !== undefined && (args.text("selector") !== "" || args.text("field-selector") !== ""))
      throw new CommandError("only one of NAME or selector can be provided");
    const everywhere = args.flag("all-namespaces");
    const scope = everywhere ? "" : `/namespaces/${encodeURIComponent(session.namespace)}`;
    const items = await read(session, `${metrics}${scope}/pods`, name, {
      labelSelector: args.text("selector"),
      fieldSelector: args.text("field-selector"),
    });
    if (items.length === 0) {
      await refuseUnmeasured(session, args, everywhere);
      session.err.write(
        everywhere ? "No resources found\n" : `No resources found in ${session.namespace} namespace.\n`,
      );
      return;
    }
    const pods = items.map((item) => {
      const containers = list(item["containers"]).map((each) => ({
        name: str(each["name"]),
        ...usageOf(each["usage"]),
      }));
      const sum = (key: keyof Usage): number => containers.reduce((total, each) => total + each[key], 0);
      return {
        name: item.metadata.name,
        namespace: item.metadata.namespace ?? "",
        containers,
        cpu: sum("cpu"),
        memory: sum("memory"),
      };
    });
    const sorted = sort(pods, by, (each) => (everywhere ? `${each.namespace} ${each.name}` : each.name));
    const front = (each: { readonly namespace: string }): string => (everywhere ? `${each.namespace}\t` : "");
    const apart = args.flag("containers");
    const lines = sorted.flatMap((each) =>
      apart
        ? each.containers
            .toSorted((left, right) => (left.name < right.name ? -1 : 1))
            .map((own) => `${front(each)}${each.name}\t${own.name}\t${own.cpu}m\t${mebi(own.memory)}\t`)
        : [`${front(each)}${each.name}\t${each.cpu}m\t${mebi(each.memory)}\t`],
    );
    if (args.flag("sum")) {
      const blank = "\t".repeat((everywhere ? 1 : 0) + (apart ? 1 : 0));
      const total = (key: keyof Usage): number => pods.reduce((sum, each) => sum + each[key], 0);
      lines.push(`${blank}\t________\t________\t`, `${blank}\t${total("cpu")}m\t${mebi(total("memory"))}\t`);
    }
    print(
      session,
      args,
      `${everywhere ? "NAMESPACE\t" : ""}${apart ? "POD\tNAME" : "NAME"}\tCPU(cores)\tMEMORY(bytes)\t`,
      lines,
    );
  },
};

export const top: Command = {
  usage: "top [flags] [options]",
  summary: "Display resource (CPU/memory) usage",
  flags: {},
  subcommands: {
    node: { summary: node.summary, aliases: ["nodes", "no"], load: () => Promise.resolve(node) },
    pod: { summary: pod.summary, aliases: ["pods", "po"], load: () => Promise.resolve(pod) },
  },
};

function check(args: Args): string {
  const by = args.text("sort-by");
  if (args.words.length > 1) throw new CommandError(`unexpected arguments: ${args.words.slice(1).join(" ")}`);
  if (!["", "cpu", "memory"].includes(by)) throw new CommandError("--sort-by accepts only cpu or memory");
  if (args.flag("show-swap"))
    throw new CommandError("--show-swap: the metrics API of this cluster does not tell of swap");
  return by;
}

async function read(
  session: Session,
  path: string,
  name: string | undefined,
  query: Record<string, string>,
): Promise<readonly Obj[]> {
  try {
    if (name !== undefined)
      return [await call(session, { method: "GET", path: `${path}/${encodeURIComponent(name)}` })];
    return (await call<{ items: readonly Obj[] }>(session, { method: "GET", path, query })).items;
  } catch (error) {
    const served = (await session.mapper()).discovery.resources.some(
      ({ descriptor }) => descriptor.group === "metrics.k8s.io",
    );
    if (isNotFound(error) && !served) throw new CommandError("Metrics API not available", { cause: error });
    throw error;
  }
}

/** Pods that run and are not measured are no empty namespace. */
async function refuseUnmeasured(session: Session, args: Args, everywhere: boolean): Promise<void> {
  const pods = await listObjects(
    session,
    await (await session.mapper()).find("pods"),
    everywhere ? undefined : session.namespace,
    { labelSelector: args.text("selector"), fieldSelector: args.text("field-selector") },
  );
  for (const { metadata } of pods.items) {
    const ageMs = session.clock.now() - Date.parse(str(metadata.creationTimestamp));
    if (ageMs > youngMs)
      throw new CommandError(
        `Metrics not available for pod ${metadata.namespace}/${metadata.name}, age: ${humanDuration(ageMs)}`,
      );
  }
}

/** So long a pod need not be measured yet. */
const youngMs = 120_000;

const usageOf = (usage: unknown): Usage => ({
  cpu: quantityMillis(str(part(usage)["cpu"]) || "0"),
  memory: quantityUnits(str(part(usage)["memory"]) || "0"),
});
const mebi = (bytes: number): string => `${Math.floor(bytes / 1024 ** 2)}Mi`;

function sort<T extends Usage>(items: readonly T[], by: string, nameOf: (item: T) => string): T[] {
  if (by === "cpu" || by === "memory") return items.toSorted((left, right) => right[by] - left[by]);
  return items.toSorted((left, right) => (nameOf(left) < nameOf(right) ? -1 : 1));
}

function print(session: Session, args: Args, head: string, lines: readonly string[]): void {
  const rows = args.flag("no-headers") ? lines : [head, ...lines];
  session.out.write(alignTabs(`${rows.join("\n")}\n`, tableTabs));
}
