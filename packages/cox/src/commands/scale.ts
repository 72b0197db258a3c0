// `cox scale TYPE NAME --replicas N`: writes the scale subresource, so that it works for every kind that has one.
import type { Argv } from "yargs";
import { CommandError } from "../failure.ts";
import { findResource, splitTargets } from "../find-resource.ts";
import type { WithSession } from "../session.ts";

export function addScale(cli: Argv, withSession: WithSession): Argv {
  return cli.command(
    "scale <resources..>",
    "Set how many copies a workload has",
    (command) =>
      command
        .positional("resources", {
          type: "string",
          array: true,
          demandOption: true,
          describe: "TYPE NAME… or TYPE/NAME…",
        })
        .option("replicas", { type: "number", demandOption: true, describe: "The new number, 0 or more" })
        .option("namespace", { alias: "n", type: "string" })
        .option("kubeconfig", { type: "string" }),
    (args) =>
      withSession(args, async (session) => {
        if (!Number.isInteger(args.replicas) || args.replicas < 0) {
          throw new CommandError("--replicas must be a whole number of at least 0");
        }
        const discovery = await session.client.discover(session.signal);
        for (const { type, names } of splitTargets(args.resources)) {
          const descriptor = findResource(discovery, type);
          if (names.length === 0) throw new CommandError("resource(s) were provided, but no name was specified");
          for (const name of names) {
            const ref = descriptor.namespaced ? { namespace: session.namespace, name } : { name };
            const patch = { spec: { replicas: args.replicas } };
            await session.client
              .resource(descriptor)
              .patch(ref, patch, { type: "merge", subresource: "scale", signal: session.signal });
            const suffix = descriptor.group === "" ? "" : `.${descriptor.group}`;
            session.out.write(`${descriptor.kind.toLowerCase()}${suffix}/${name} scaled\n`);
          }
        }
      }),
  );
}
