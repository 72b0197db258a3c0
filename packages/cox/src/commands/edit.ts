// `cox edit`: opens objects in the editor of KUBE_EDITOR or EDITOR and sends back what was changed.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StatusError, isJsonObject } from "@coxswain/apimachinery";
import {
  bool,
  fieldManagerFlag,
  filenameFlags,
  outputFlags,
  selectorFlag,
  text,
  validateFlag,
} from "../args/common.ts";
import type { Args } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { CommandError, describeFailure } from "../failure.ts";
import { formatJson, sortKeys } from "../print/json.ts";
import { formatYaml } from "../print/yaml.ts";
import { patchObject } from "../resource/api.ts";
import type { Obj } from "../resource/api.ts";
import { collect } from "../resource/builder.ts";
import type { Info } from "../resource/builder.ts";
import { withLastApplied, lastAppliedOf } from "../resource/last-applied.ts";
import { nameOf } from "../resource/mapper.ts";
import { threeWayPatch } from "../resource/three-way.ts";
import { decodeYaml } from "../resource/yaml.ts";
import { fieldValidationOf } from "../resource/validation.ts";
import type { Session } from "../session.ts";

const note = `# Please edit the object below. Lines beginning with a '#' will be ignored,
# and an empty file will abort the edit. If an error occurs while saving this file will be
# reopened with the relevant failures.
#
`;

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
    "windows-line-endings": bool("Defaults to the line ending native to your platform.", {
      fixed: "lines end as they do on this platform",
    }),
  },
  run: async (session, args) => {
    const infos = await collect(session, args, { latest: true });
    if (infos.length === 0) throw new CommandError("edit: no objects to edit");
    const directory = mkdtempSync(join(tmpdir(), "cox-edit-"));
    const file = join(directory, args.text("output") === "json" ? "edit.json" : "edit.yaml");
    const outcome = { keep: false };
    try {
      for (const info of infos) await editOne(session, args, info, file, outcome);
    } finally {
      if (!outcome.keep) rmSync(directory, { recursive: true, force: true });
    }
  },
};

async function editOne(
  session: Session,
  args: Args,
  info: Info,
  file: string,
  outcome: { keep: boolean },
): Promise<void> {
  const show = (object: Obj): string =>
    args.text("output") === "json" ? `${formatJson(sortKeys(object))}\n` : formatYaml(object);
  const { managedFields: _hidden, ...metadata } = info.object.metadata;
  const current: Obj = args.flag("show-managed-fields") ? info.object : { ...info.object, metadata };
  const start = show(current);
  let failure = "";
  let shown = start;
  for (;;) {
    writeFileSync(file, `${note}${failure.replace(/^/gm, "# ")}${failure === "" ? "" : "\n#\n"}${shown}`);
    openEditor(session, file);
    const edited = readFileSync(file, "utf8").replace(/^#.*\n?/gm, "");
    if (edited.trim() === "") {
      session.err.write("Edit cancelled, saved file was empty.\n");
      return;
    }
    if (edited === shown) {
      session.err.write(
        failure === "" ? "Edit cancelled, no changes made.\n" : "Edit cancelled, no valid changes were saved.\n",
      );
      if (failure === "") return;
      outcome.keep = true;
      throw new CommandError(
        `Edit cancelled, no valid changes were saved. A copy of your changes has been stored to "${file}"`,
      );
    }
    shown = edited;
    try {
      const wanted = decodeYaml(edited);
      if (!isJsonObject(wanted)) throw new CommandError("the edited file is not an object");
      await send(
        session,
        args,
        info,
        current,
        args.flag("save-config") || (lastAppliedOf(current) !== undefined && args.flag("save-config"))
          ? withLastApplied(wanted as Obj)
          : (wanted as Obj),
      );
      return;
    } catch (error) {
      if (!(error instanceof StatusError) && !(error instanceof Error)) throw error;
      failure = describeFailure(error);
      session.err.write(`${failure}\n`);
      if (error instanceof StatusError && [404, 403].includes(error.status.code)) throw error;
    }
  }
}

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

function openEditor(session: Session, file: string): void {
  const editor = session.env["KUBE_EDITOR"] ?? session.env["EDITOR"] ?? "vi";
  const ran = spawnSync("/bin/sh", ["-c", `${editor} "$0"`, file], { stdio: "inherit", env: session.env });
  if (ran.error || (ran.status ?? 1) !== 0)
    throw new CommandError(`there was a problem with the editor ${JSON.stringify(editor)}`);
}
