// `cox cluster-info dump`: what one needs to look into a cluster later or elsewhere: objects, events and logs, on the screen or in a directory.
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { allNamespacesFlag, duration, outputFlags, slice, text } from "../args/common.ts";
import type { Command } from "../command.ts";
import { CommandError } from "../failure.ts";
import { createPrinter } from "../print/printer.ts";
import { listObjects } from "../resource/api.ts";
import type { PodLike } from "../resource/pods-of.ts";

const types = [
  ["events", "events"],
  ["replicationcontrollers", "replication-controllers"],
  ["services", "services"],
  ["daemonsets.apps", "daemonsets"],
  ["deployments.apps", "deployments"],
  ["replicasets.apps", "replicasets"],
  ["pods", "pods"],
] as const;

export const clusterInfoDump: Command = {
  usage: "cluster-info dump [options]",
  summary: "Dump relevant information for debugging and diagnosis",
  examples: `
# kube-system and the namespace in force, on the screen
cox cluster-info dump

# Everything, into a directory
cox cluster-info dump -A --output-directory=/tmp/cluster`,
  flags: {
    ...outputFlags,
    output: text("Output format. One of: (json, yaml).", { short: "o", default: "json" }),
    ...allNamespacesFlag,
    namespaces: slice("A comma separated list of namespaces to dump."),
    "pod-running-timeout": duration("The length of time to wait for the log of one container", { default: "20s" }),
    "output-directory": text(
      "Where to output the files. If empty or '-' uses stdout, otherwise creates a directory hierarchy in that directory",
    ),
  },
  run: async (session, args) => {
    const format = args.text("output");
    if (format !== "json" && format !== "yaml")
      throw new CommandError(
        `unable to match a printer suitable for the output format "${format}", allowed formats are: json,yaml`,
      );
    const printer = await createPrinter(args);
    if (printer === undefined) throw new CommandError("no output format");
    const mapper = await session.mapper();
    const directory = args.text("output-directory");
    const toScreen = directory === "" || directory === "-";
    const put = async (name: string, content: string): Promise<void> => {
      if (toScreen) {
        session.out.write(content);
        return session.out.drained();
      }
      await mkdir(dirname(join(directory, name)), { recursive: true });
      await writeFile(join(directory, name), content);
    };
    const dump = async (type: string, namespace: string | undefined, name: string): Promise<void> => {
      const list = await listObjects(session, await mapper.find(type), namespace);
      await put(`${name}.${format}`, await printer(list));
    };
    await dump("nodes", undefined, "nodes");
    const all = args.flag("all-namespaces")
      ? (await listObjects(session, await mapper.find("namespaces"), undefined)).items.map(
          ({ metadata }) => metadata.name,
        )
      : args.list("namespaces");
    const namespaces = all.length > 0 ? all : [...new Set(["kube-system", session.namespace])];
    const pods = await mapper.find("pods");
    for (const namespace of namespaces) {
      for (const [type, name] of types) await dump(type, namespace, join(namespace, name));
      for (const pod of (await listObjects(session, pods, namespace)).items as PodLike[]) {
        const names = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map(({ name }) => name);
        const file = join(namespace, pod.metadata.name, "logs.txt");
        let content = "";
        for (const container of names) {
          const title = `container ${container} of pod ${namespace}/${pod.metadata.name}`;
          const late = new AbortController();
          const timer = session.clock.setTimeout(() => late.abort(), args.duration("pod-running-timeout"));
          try {
            const answer = await session.client.request({
              method: "GET",
              path: `/api/v1/namespaces/${namespace}/pods/${pod.metadata.name}/log`,
              query: { container },
              accept: "*/*",
              signal: AbortSignal.any([session.signal, late.signal]),
            });
            content +=
              answer.status === 200
                ? `==== START logs for ${title} ====\n${answer.text()}==== END logs for ${title} ====\n`
                : `==== no logs for ${title}: ${answer.status} ====\n`;
          } catch (error) {
            if (!late.signal.aborted) throw error;
            content += `==== no logs for ${title}: its node did not answer in time ====\n`;
          } finally {
            timer.cancel();
          }
        }
        await put(file, content);
      }
    }
    if (!toScreen) session.out.write(`Cluster info dumped to ${directory}\n`);
  },
};
