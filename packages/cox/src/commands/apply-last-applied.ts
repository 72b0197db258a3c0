// `cox apply view-last-applied`, `set-last-applied` and `edit-last-applied`: the annotation of `apply`, shown and corrected.
import {
  allFlag,
  bool,
  dryRunFlag,
  fieldManagerFlag,
  filenameFlags,
  lineEndingsFlag,
  outputFlags,
  selectorFlag,
  text,
  validateFlag,
} from "../args/common.ts";
import { UsageError } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { CommandError } from "../failure.ts";
import { formatJson, sortKeys } from "../print/json.ts";
import { formatYaml } from "../print/yaml.ts";
import { patchObject } from "../resource/api.ts";
import { collect } from "../resource/builder.ts";
import { lastAppliedAnnotation, lastAppliedOf, withLastApplied } from "../resource/last-applied.ts";
import { editUntilTaken } from "../resource/editor.ts";
import { nameOf } from "../resource/mapper.ts";
import { fieldValidationOf } from "../resource/validation.ts";
import { createReporter, dryRunOf } from "../resource/report.ts";
import { fromFiles } from "../resource/builder.ts";
import { getObject } from "../resource/api.ts";

export const viewLastApplied: Command = {
  usage: "apply view-last-applied (TYPE [NAME | -l label] | TYPE/NAME | -f FILENAME) [options]",
  summary: "View the latest last-applied-configuration annotations by type/name or file",
  flags: {
    ...filenameFlags,
    ...selectorFlag,
    ...allFlag,
    output: text("Output format. Must be one of (yaml, json)", { short: "o", default: "yaml" }),
  },
  run: async (session, args) => {
    const infos = await collect(session, args, { latest: true });
    if (!["yaml", "json"].includes(args.text("output")))
      throw new UsageError(
        `Unexpected -o output mode: ${args.text("output")}, the flag 'output' must be one of yaml|json`,
      );
    for (const info of infos) {
      const last = lastAppliedOf(info.object);
      if (last === undefined)
        throw new CommandError(`no last-applied-configuration annotation found on resource: ${info.name}`);
      session.out.write(args.text("output") === "json" ? `${formatJson(sortKeys(last), 2)}\n` : formatYaml(last));
    }
  },
};

export const setLastApplied: Command = {
  usage: "apply set-last-applied -f FILENAME [options]",
  summary: "Set the last-applied-configuration annotation on a live object to match the contents of a file",
  flags: {
    ...filenameFlags,
    ...outputFlags,
    ...dryRunFlag,
    "create-annotation": bool(
      "Will create 'last-applied-configuration' annotations if current objects doesn't have one",
    ),
  },
  run: async (session, args) => {
    const dryRun = dryRunOf(session, args);
    const report = await createReporter(session, args);
    for (const info of await fromFiles(session, args)) {
      const now = await getObject(session, info.descriptor, info.namespace, info.name);
      if (lastAppliedOf(now) === undefined && !args.flag("create-annotation"))
        throw new CommandError(
          `no last-applied-configuration annotation found on resource: ${info.name}, to create the annotation, run the command with --create-annotation`,
        );
      const annotation = withLastApplied(info.object).metadata.annotations?.[lastAppliedAnnotation];
      const object =
        dryRun === "client"
          ? now
          : await patchObject(
              session,
              info.descriptor,
              info,
              "merge",
              { metadata: { annotations: { [lastAppliedAnnotation]: annotation } } },
              { dryRun: dryRun === "server" },
            );
      await report(info.descriptor, object, "configured");
    }
  },
};

export const editLastApplied: Command = {
  usage: "apply edit-last-applied (RESOURCE/NAME | -f FILENAME) [options]",
  summary: "Edit latest last-applied-configuration annotations of a resource/object",
  flags: {
    ...filenameFlags,
    ...outputFlags,
    ...fieldManagerFlag("kubectl-client-side-apply"),
    ...validateFlag,
    ...lineEndingsFlag,
  },
  run: async (session, args) => {
    const infos = await collect(session, args, { latest: true });
    for (const info of infos) {
      const last = lastAppliedOf(info.object);
      if (last === undefined)
        throw new CommandError(`no last-applied-configuration annotation found on resource: ${info.name}`);
      await editUntilTaken(session, args, last, async (edited) => {
        const annotation = withLastApplied(edited).metadata.annotations?.[lastAppliedAnnotation];
        await patchObject(
          session,
          info.descriptor,
          info,
          "merge",
          { metadata: { annotations: { [lastAppliedAnnotation]: annotation } } },
          { fieldManager: args.text("field-manager"), fieldValidation: fieldValidationOf(args) },
        );
        session.out.write(`${nameOf(info.descriptor, info.name)} edited\n`);
      });
    }
  },
};
