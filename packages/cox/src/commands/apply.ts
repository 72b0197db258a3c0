// `cox apply -f FILE…`: server-side apply, so that what others own is left alone and conflicts are named.
import type { Argv } from "yargs";
import { resourceOfObject } from "../find-resource.ts";
import { readManifests } from "../manifests.ts";
import type { WithSession } from "../session.ts";

export function addApply(cli: Argv, withSession: WithSession): Argv {
  return cli.command(
    "apply",
    "Make the cluster match manifests",
    (command) =>
      command
        .option("filename", {
          alias: "f",
          type: "string",
          array: true,
          demandOption: true,
          describe: "File, folder or - for standard input",
        })
        .option("force-conflicts", { type: "boolean", default: false, describe: "Take over fields that others own" })
        .option("namespace", { alias: "n", type: "string" })
        .option("kubeconfig", { type: "string" }),
    (args) =>
      withSession(args, async (session) => {
        const objects = readManifests(args.filename);
        const discovery = await session.client.discover(session.signal);
        for (const object of objects) {
          const descriptor = resourceOfObject(discovery, object);
          const name = object.metadata.name;
          const ref = descriptor.namespaced
            ? { namespace: object.metadata.namespace ?? session.namespace, name }
            : { name };
          await session.client.resource(descriptor).patch(ref, object, {
            type: "apply",
            fieldManager: "cox",
            fieldValidation: "Strict",
            force: args.forceConflicts,
            signal: session.signal,
          });
          const suffix = descriptor.group === "" ? "" : `.${descriptor.group}`;
          session.out.write(`${descriptor.kind.toLowerCase()}${suffix}/${name} applied\n`);
        }
      }),
  );
}
