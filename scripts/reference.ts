// `npm run reference`: writes docs/reference/cox.md and cox-machines.md from what the command line declares; with `-- --man DIR` its man pages into a directory,
// for `man -M DIR cox-get` or wherever an installation keeps section 1.
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { machinesText, manTexts, referenceText } from "@coxswain/cox/reference";
import { runScript } from "./cluster/failure.ts";
import { projectRoot } from "./cluster/layout.ts";

await runScript(async () => {
  const { values } = parseArgs({ options: { man: { type: "string" } } });
  if (values.man === undefined) {
    const directory = join(projectRoot, "docs", "reference");
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "cox.md"), await referenceText());
    writeFileSync(join(directory, "cox-machines.md"), await machinesText());
    return void process.stdout.write("docs/reference/cox.md\ndocs/reference/cox-machines.md\n");
  }
  const directory = join(resolve(values.man), "man1");
  mkdirSync(directory, { recursive: true });
  const pages = await manTexts();
  for (const [name, text] of pages) writeFileSync(join(directory, name), text);
  process.stdout.write(`${pages.size} pages in ${directory}\n`);
});
