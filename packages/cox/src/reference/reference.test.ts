import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { globalFlags } from "../args/common.ts";
import { parseArgs } from "../args/flags.ts";
import type { CommandEntry } from "../command.ts";
import { groups } from "../commands.ts";
import { examplesOf } from "../examples.ts";
import { machinesText, manTexts, referenceText } from "./reference.ts";

const committed = join(import.meta.dirname, "../../../../docs/reference/cox.md");

describe("the reference of cox", () => {
  it("is what its commands declare (else: npm run reference)", async () => {
    expect(readFileSync(committed, "utf8")).toBe(await referenceText());
  });

  it("has an example for every command that does something, and each can be typed so", async () => {
    const found: string[] = [];
    const look = async (path: string, entry: CommandEntry): Promise<void> => {
      const command = await entry.load();
      const lines = examplesOf(path, command).split("\n");
      if (command.run !== undefined && lines.join("") === "") found.push(`${path} has none`);
      for (const line of lines.map((each) => each.trim().replace(/ (\||>|<|&&) .*$/, ""))) {
        if (!line.startsWith("cox ")) continue;
        const words = line.slice(4).match(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g) ?? [];
        const own = words.slice(path.split(" ").length);
        try {
          if (words.join(" ").startsWith(path)) parseArgs({ ...globalFlags, ...command.flags }, own);
        } catch (error) {
          found.push(`${line}: ${(error as Error).message}`);
        }
      }
      for (const [name, each] of Object.entries(command.subcommands ?? {})) await look(`${path} ${name}`, each);
    };
    for (const { commands } of groups)
      for (const [name, entry] of Object.entries(commands)) if (entry.hidden !== true) await look(name, entry);
    expect(found).toEqual([]);
  });

  it("has a page with the flags of every command about machines and drills", async () => {
    const machines = readFileSync(join(committed, "../cox-machines.md"), "utf8");
    const headings = machines.match(/^## .*$/gm) ?? [];
    expect(headings).toEqual(
      expect.arrayContaining(["## cox init", "## cox plan", "## cox drill", "## cox drill run"]),
    );
    expect(await machinesText()).toContain("--etcd-servers URLS");
  });

  it("gives each command a man page, whose texts are no requests to the formatter", async () => {
    const pages = await manTexts();
    expect([...pages.keys()]).toEqual(expect.arrayContaining(["cox.1", "cox-get.1", "cox-rollout-undo.1"]));
    const page = pages.get("cox-rollout-undo.1") ?? "";
    expect(page.split("\n").slice(0, 6)).toEqual([
      '.TH COX\\-ROLLOUT\\-UNDO 1 "" "cox 0.1.0" "cox"',
      ".SH NAME",
      "cox\\-rollout\\-undo \\- Undo a previous rollout",
      ".SH SYNOPSIS",
      "cox rollout undo (TYPE NAME | TYPE/NAME) [flags] [options]",
      ".SH DESCRIPTION",
    ]);
    const requests = [...pages.values()].join("").match(/^[.'].*$/gm) ?? [];
    expect(requests.filter((line) => !/^\.(TH|SH|TP|nf|fi)\b/.test(line))).toEqual([]);
  });
});
