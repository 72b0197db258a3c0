// `cox replace`: the object as the file has it; --force deletes it first.
import {
  bool,
  dryRunFlag,
  duration,
  fieldManagerFlag,
  filenameFlags,
  number,
  outputFlags,
  text,
  validateFlag,
} from "../args/common.ts";
import type { Command } from "../command.ts";
import { CommandError, SourceError, throwAll } from "../failure.ts";
import { createObject, isNotFound, replaceObject } from "../resource/api.ts";
import { fromFiles, hasFiles } from "../resource/builder.ts";
import { withLastApplied } from "../resource/last-applied.ts";
import { createReporter, dryRunOf } from "../resource/report.ts";
import { waitUntilGone } from "../resource/wait-gone.ts";
import { cascadeOf, deleteOne } from "./delete.ts";
import { fieldValidationOf } from "../resource/validation.ts";

export const replace: Command = {
  usage: "replace -f FILENAME [options]",
  summary: "Replace a resource by file name or stdin",
  examples: `
# Replace a pod with what a file says
cox replace -f ./pod.json

# Delete it first and create it anew
cox replace --force -f ./pod.json`,
  flags: {
    ...filenameFlags,
    ...outputFlags,
    ...dryRunFlag,
    ...fieldManagerFlag("kubectl-replace"),
    ...validateFlag,
    cascade: text('Must be "background", "orphan", or "foreground". What happens to dependants with --force.', {
      default: "background",
      bare: "background",
    }),
    force: bool("If true, immediately remove resources from API and bypass graceful deletion."),
    "grace-period": number("Period of time in seconds given to the resource to terminate gracefully.", {
      default: "-1",
    }),
    raw: text("Raw URI to PUT to the server."),
    "save-config": bool("If true, the configuration of current object will be saved in its annotation."),
    subresource: text("If specified, replace will operate on the subresource of the requested object."),
    timeout: duration("The length of time to wait before giving up on a delete."),
    wait: bool("If true, wait for resources to be gone before returning; --force always does."),
  },
  run: async (session, args) => {
    if (args.text("raw") !== "") {
      const { sendRaw } = await import("./create.ts");
      return sendRaw(session, args, "PUT");
    }
    if (!hasFiles(args)) throw new CommandError("must specify one of -f and -k");
    if (args.number("grace-period") >= 0 && !args.flag("force"))
      throw new CommandError("--grace-period must have --force specified");
    const dryRun = dryRunOf(session, args);
    const report = await createReporter(session, args);
    const infos = await fromFiles(session, args);
    const errors: unknown[] = [];
    const options = {
      dryRun: dryRun === "server",
      fieldManager: args.text("field-manager"),
      fieldValidation: fieldValidationOf(args),
    };
    for (const info of infos) {
      const object =
        args.flag("save-config") ||
        info.object.metadata.annotations?.["kubectl.kubernetes.io/last-applied-configuration"] !== undefined
          ? withLastApplied(info.object)
          : info.object;
      try {
        if (dryRun === "client") await report(info.descriptor, object, "replaced");
        else if (args.flag("force")) {
          const grace = args.number("grace-period");
          await deleteOne(session, info, { dryRun, gracePeriod: grace < 0 ? 0 : grace, cascade: cascadeOf(args) }).then(
            () =>
              session.out.write(
                `${info.descriptor.kind.toLowerCase()}${info.descriptor.group === "" ? "" : `.${info.descriptor.group}`} "${info.name}" deleted\n`,
              ),
            (error: unknown) => {
              if (!isNotFound(error)) throw error;
            },
          );
          throwAll(await waitUntilGone(session, [info], args.duration("timeout")));
          await report(
            info.descriptor,
            await createObject(session, info.descriptor, info.namespace, object, options),
            "replaced",
          );
        } else {
          const subresource = args.text("subresource");
          const answer = await replaceObject(session, info.descriptor, info.namespace, object, {
            ...options,
            ...(subresource === "" ? {} : { subresource }),
          });
          await report(info.descriptor, answer, "replaced");
        }
      } catch (error) {
        errors.push(new SourceError(`error when replacing "${info.source}"`, error));
      }
    }
    throwAll(errors);
  },
};
