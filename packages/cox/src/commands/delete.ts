// `cox delete TYPE NAME…` or `-f FILE…`: asks the server to delete; finalizers and grace periods are the server's business.
import type { Argv } from "yargs";
import type { ApiObject, ResourceDescriptor } from "@coxswain/apimachinery";
import { CommandError } from "../failure.ts";
import { findResource, resourceOfObject, splitTargets } from "../find-resource.ts";
import { readManifests } from "../manifests.ts";
import type { WithSession } from "../session.ts";

export function addDelete(cli: Argv, withSession: WithSession): Argv {
  return cli.command(
    "delete [resources..]",
    "Delete objects by name or by manifest",
    (command) =>
      command
        .positional("resources", {
          type: "string",
          array: true,
          default: [] as string[],
          describe: "TYPE NAME… or TYPE/NAME…",
        })
        .option("filename", {
          alias: "f",
          type: "string",
          array: true,
          default: [] as string[],
          describe: "Manifests that name the objects",
        })
        .option("namespace", { alias: "n", type: "string" })
        .option("kubeconfig", { type: "string" }),
    (args) =>
      withSession(args, async (session) => {
        const discovery = await session.client.discover(session.signal);
        const targets: { descriptor: ResourceDescriptor<ApiObject>; namespace: string; name: string }[] = [];
        if (args.filename.length > 0) {
          for (const object of readManifests(args.filename).toReversed()) {
            const descriptor = resourceOfObject(discovery, object);
            targets.push({
              descriptor,
              namespace: object.metadata.namespace ?? session.namespace,
              name: object.metadata.name,
            });
          }
        } else {
          for (const { type, names } of splitTargets(args.resources)) {
            if (names.length === 0) throw new CommandError("resource(s) were provided, but no name was specified");
            for (const name of names)
              targets.push({ descriptor: findResource(discovery, type), namespace: session.namespace, name });
          }
        }
        for (const { descriptor, namespace, name } of targets) {
          const ref = descriptor.namespaced ? { namespace, name } : { name };
          await session.client
            .resource(descriptor)
            .delete(ref, { propagationPolicy: "Background", signal: session.signal });
          const suffix = descriptor.group === "" ? "" : `.${descriptor.group}`;
          session.out.write(`${descriptor.kind.toLowerCase()}${suffix} "${name}" deleted\n`);
        }
      }),
  );
}
