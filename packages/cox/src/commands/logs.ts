// `cox logs POD [-f]`: a container's output as it was written.
import type { Argv } from "yargs";
import type { WithSession } from "../session.ts";

export function addLogs(cli: Argv, withSession: WithSession): Argv {
  return cli.command(
    "logs <pod>",
    "Print a container's output",
    (command) =>
      command
        .positional("pod", { type: "string", demandOption: true, describe: "The pod's name" })
        .option("container", { alias: "c", type: "string", describe: "Needed when the pod has several" })
        .option("follow", { alias: "f", type: "boolean", default: false, describe: "Stay and print what comes" })
        .option("previous", {
          alias: "p",
          type: "boolean",
          default: false,
          describe: "The container before the last restart",
        })
        .option("tail", { type: "number", describe: "Only so many of the last lines" })
        .option("timestamps", { type: "boolean", default: false, describe: "Put the time in front of each line" })
        .option("namespace", { alias: "n", type: "string" })
        .option("kubeconfig", { type: "string" }),
    (args) =>
      withSession(args, async (session) => {
        const ref = { namespace: session.namespace, name: args.pod.replace(/^pods?\//, "") };
        const log = session.client.logs(ref, {
          follow: args.follow,
          previous: args.previous,
          timestamps: args.timestamps,
          ...(args.container === undefined ? {} : { container: args.container }),
          ...(args.tail === undefined ? {} : { tailLines: args.tail }),
          signal: session.signal,
        });
        for await (const chunk of log) session.out.write(chunk);
      }),
  );
}
