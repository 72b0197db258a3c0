// `cox edit`: opens objects in the editor of KUBE_EDITOR or EDITOR and sends back what was changed.
import {
  bool,
  fieldManagerFlag,
  filenameFlags,
  lineEndingsFlag,
  outputFlags,
  selectorFlag,
  text,
  validateFlag,
} from "../args/common.ts";
import type { Args } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { CommandError } from "../failure.ts";
import { patchObject } from "../resource/api.ts";
import type { Obj } from "../resource/api.ts";
import { collect } from "../resource/builder.ts";
import type { Info } from "../resource/builder.ts";
import { editUntilTaken } from "../resource/editor.ts";
import { withLastApplied } from "../resource/last-applied.ts";
import { nameOf } from "../resource/mapper.ts";
import { threeWayPatch } from "../resource/three-way.ts";
import { fieldValidationOf } from "../resource/validation.ts";
import type { Session } from "../session.ts";

export const edit: Command = {
  usage: "edit (RESOURCE/NAME | -f FILENAME) [options]",
  summary: "Edit a resource on the server",
  examples: `
# Edit a service
cox edit svc/registry

# With another editor
KUBE_EDITOR="nano" cox edit svc/registry`,
  flags: {
    ...filenameFlags,
    ...selectorFlag,
    ...outputFlags,
    ...fieldManagerFlag("kubectl-edit"),
    ...validateFlag,
    "output-patch": bool("Output the patch if the resource is edited."),
    "save-config": bool("If true, the configuration of current object will be saved in its annotation."),
    subresource: text("If specified, edit will operate on the subresource of the requested object."),
    ...lineEndingsFlag,
  },
  run: async (session, args) => {
    const infos = await collect(session, args, { latest: true });
    if (infos.length === 0) throw new CommandError("edit: no objects to edit");
    for (const info of infos) {
      const { managedFields: _hidden, ...metadata } = info.object.metadata;
      const current: Obj = args.flag("show-managed-fields") ? info.object : { ...info.object, metadata };
      await editUntilTaken(session, args, current, (wanted) =>
        send(session, args, info, current, args.flag("save-config") ? withLastApplied(wanted) : wanted),
      );
    }
  },
};

async function send(session: Session, args: Args, info: Info, current: Obj, wanted: Obj): Promise<void> {
  if (wanted.metadata.name !== info.name)
    throw new CommandError("At least one of apiVersion, kind and name was changed");
  const { findSchema } = await import("@coxswain/api");
  const schema = findSchema(info.descriptor);
  const patch = threeWayPatch(current, wanted, current, schema);
  const name = nameOf(info.descriptor, info.name);
  if (Object.keys(patch).length === 0) {
    session.out.write(`${name} skipped\n`);
    return;
  }
  if (args.flag("output-patch")) session.out.write(`Patch: ${JSON.stringify(patch)}\n`);
  await patchObject(session, info.descriptor, info, schema === undefined ? "merge" : "strategic", patch, {
    fieldManager: args.text("field-manager"),
    fieldValidation: fieldValidationOf(args),
    ...(args.text("subresource") === "" ? {} : { subresource: args.text("subresource") }),
  });
  session.out.write(`${name} edited\n`);
}
