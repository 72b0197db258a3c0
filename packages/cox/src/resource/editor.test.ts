import { describe, expect, it } from "vitest";
import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { globalFlags, lineEndingsFlag, outputFlags } from "../args/common.ts";
import { parseArgs } from "../args/flags.ts";
import type { Session } from "../session.ts";
import type { Obj } from "./api.ts";
import { editUntilTaken } from "./editor.ts";

const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c" }, data: { a: "1" } } as Obj;

/** What was taken, what was said, and whether. `refusals` are thrown before the first that is taken. */
async function edit(editor: string, flags: readonly string[] = [], refusals: string[] = []) {
  const said: string[] = [];
  const taken: Obj[] = [];
  const session = {
    env: { KUBE_EDITOR: editor, PATH: process.env["PATH"] },
    err: { write: (text: string) => said.push(text) },
  } as object as Session;
  const args = parseArgs({ ...globalFlags, ...outputFlags, ...lineEndingsFlag }, flags);
  const done = await editUntilTaken(session, args, map, (edited) => {
    const refusal = refusals.shift();
    if (refusal !== undefined) throw new Error(refusal);
    taken.push(edited);
    return Promise.resolve();
  }).catch((error: Error) => {
    const [, path = ""] = /"(\/.*)"/.exec(error.message) ?? [];
    rmSync(dirname(path), { recursive: true });
    return error.message.replace(`"${path}"`, "FILE");
  });
  return { done, taken, said };
}

describe("an object in the editor", () => {
  it.each([[[]], [["-o", "json"]], [["--windows-line-endings"]]])(
    "comes back as it was changed, with %j",
    async (flags) => {
      expect(await edit(`sed -i 's/"1"/"2"/'`, flags)).toEqual({
        done: true,
        taken: [{ ...map, data: { a: "2" } }],
        said: [],
      });
    },
  );

  it("is given up when it is left as it was, or empty", async () => {
    expect(await edit("true")).toEqual({ done: false, taken: [], said: ["Edit cancelled, no changes made.\n"] });
    expect((await edit("truncate -s 0")).said).toEqual(["Edit cancelled, saved file was empty.\n"]);
  });

  it("is shown again with what was wrong, until it is taken", async () => {
    // The second time the reason stands in the file.
    const editor = `sh -c 'if grep -q "# error: not that" "$0"; then sed -i s/2/3/ "$0"; else sed -i s/1\\"/2\\"/ "$0"; fi'`;
    const { done, taken, said } = await edit(editor, [], ["not that"]);
    expect([done, taken, said]).toEqual([true, [{ ...map, data: { a: "3" } }], ["error: not that\n"]]);
  });

  it("is kept in a file when it was refused and not changed again", async () => {
    const once = `sh -c 'grep -q "# error" "$0" || sed -i s/1\\"/2\\"/ "$0"'`;
    expect((await edit(once, [], ["not that", "not that either"])).done).toBe(
      "Edit cancelled, no valid changes were saved. A copy of your changes has been stored to FILE",
    );
  });
});
