// Text in the editor of KUBE_EDITOR or EDITOR, again and again until it is taken, unchanged or empty. Knows no request.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StatusError, isJsonObject } from "@coxswain/apimachinery";
import type { Args } from "../args/flags.ts";
import { CommandError, describeFailure } from "../failure.ts";
import { formatJson, sortKeys } from "../print/json.ts";
import { formatYaml } from "../print/yaml.ts";
import type { Session } from "../session.ts";
import type { Obj } from "./api.ts";
import { decodeYaml } from "./yaml.ts";

const note = `# Please edit the object below. Lines beginning with a '#' will be ignored,
# and an empty file will abort the edit. If an error occurs while saving this file will be
# reopened with the relevant failures.
#
`;

/** False when the edit was given up. What could not be saved stays in a file, which the error names. */
export async function editUntilTaken(
  session: Session,
  args: Args,
  object: Obj,
  take: (edited: Obj) => Promise<void>,
): Promise<boolean> {
  const json = args.text("output") === "json";
  const directory = mkdtempSync(join(tmpdir(), "cox-edit-"));
  const file = join(directory, json ? "edit.json" : "edit.yaml");
  let [failure, shown, keep] = ["", json ? `${formatJson(sortKeys(object))}\n` : formatYaml(object), false];
  try {
    for (;;) {
      const text = `${note}${failure === "" ? "" : `${failure.replace(/^/gm, "# ")}\n#\n`}${shown}`;
      writeFileSync(file, args.flag("windows-line-endings") ? text.replaceAll("\n", "\r\n") : text);
      openEditor(session, file);
      const edited = readFileSync(file, "utf8")
        .replaceAll("\r\n", "\n")
        .replace(/^#.*\n?/gm, "");
      if (edited.trim() === "") {
        session.err.write("Edit cancelled, saved file was empty.\n");
        return false;
      }
      if (edited === shown) {
        session.err.write(
          failure === "" ? "Edit cancelled, no changes made.\n" : "Edit cancelled, no valid changes were saved.\n",
        );
        if (failure === "") return false;
        keep = true;
        throw new CommandError(
          `Edit cancelled, no valid changes were saved. A copy of your changes has been stored to "${file}"`,
        );
      }
      shown = edited;
      try {
        const wanted = decodeYaml(edited);
        if (!isJsonObject(wanted)) throw new CommandError("the edited file is not an object");
        await take(wanted as Obj);
        return true;
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        failure = describeFailure(error);
        session.err.write(`${failure}\n`);
        if (error instanceof StatusError && [404, 403].includes(error.status.code)) throw error;
      }
    }
  } finally {
    if (!keep) rmSync(directory, { recursive: true, force: true });
  }
}

function openEditor(session: Session, file: string): void {
  const editor = session.env["KUBE_EDITOR"] ?? session.env["EDITOR"] ?? "vi";
  const ran = spawnSync("/bin/sh", ["-c", `${editor} "$0"`, file], { stdio: "inherit", env: session.env });
  if (ran.error || (ran.status ?? 1) !== 0)
    throw new CommandError(`there was a problem with the editor ${JSON.stringify(editor)}`);
}
