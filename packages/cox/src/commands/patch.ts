// `cox patch`: a patch of one's own, as JSON or YAML, in three kinds.
import { editingFlags, text } from "../args/common.ts";
import type { Command } from "../command.ts";
import { CommandError } from "../failure.ts";
import { readFileSync } from "node:fs";
import { patchObject } from "../resource/api.ts";
import { collect } from "../resource/builder.ts";
import { applyLocally } from "../resource/local-patch.ts";
import { createReporter, dryRunOf } from "../resource/report.ts";
import { decodeYaml } from "../resource/yaml.ts";

const types = { json: "json", merge: "merge", strategic: "strategic" } as const;

export const patch: Command = {
  usage: "patch (-f FILENAME | TYPE NAME) [-p PATCH|--patch-file FILE] [options]",
  summary: "Update fields of a resource",
  examples: `
# Keep new pods from a node
cox patch node k8s-node-1 -p '{"spec":{"unschedulable":true}}'

# Change a container's image; the container is found by its name
cox patch pod valid-pod -p '{"spec":{"containers":[{"name":"web","image":"new image"}]}}'

# Change it by its place
cox patch pod valid-pod --type='json' -p='[{"op": "replace", "path": "/spec/containers/0/image", "value":"new image"}]'`,
  flags: {
    ...editingFlags("kubectl-patch"),
    patch: text("The patch to be applied to the resource JSON file.", { short: "p" }),
    "patch-file": text("A file containing a patch to be applied to the resource."),
    type: text("The type of patch being provided; one of [json merge strategic]", { default: "strategic" }),
    subresource: text("If specified, the patch applies to the subresource of the requested object."),
  },
  run: async (session, args) => {
    const given = args.text("patch");
    const file = args.text("patch-file");
    if ((given === "") === (file === ""))
      throw new CommandError(
        given === ""
          ? "must specify --patch or --patch-file containing the contents of the patch"
          : "cannot specify --patch and --patch-file together",
      );
    const type = types[args.text("type").toLowerCase() as keyof typeof types];
    if (type === undefined)
      throw new CommandError(`--type must be one of [json merge strategic], not "${args.text("type")}"`);
    let parsed: unknown;
    try {
      parsed = decodeYaml(file === "" ? given : readFileSync(file, "utf8"));
    } catch (cause) {
      throw new CommandError(`unable to parse "${given}": yaml: ${(cause as Error).message}`, { cause });
    }
    const local = args.flag("local");
    const dryRun = dryRunOf(session, args);
    const report = await createReporter(session, args);
    const infos = await collect(session, args, { latest: true, local });
    if (infos.length === 0) throw new CommandError("no objects passed to patch");
    for (const info of infos) {
      const object =
        local || dryRun === "client"
          ? await applyLocally(info, type, parsed)
          : await patchObject(session, info.descriptor, info, type, parsed, {
              dryRun: dryRun === "server",
              fieldManager: args.text("field-manager"),
              ...(args.text("subresource") === "" ? {} : { subresource: args.text("subresource") }),
            });
      const same =
        !local && object.metadata.resourceVersion === info.object.metadata.resourceVersion && dryRun === "none";
      await report(info.descriptor, object, same ? "patched (no change)" : "patched");
    }
  },
};
