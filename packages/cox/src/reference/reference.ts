// The door for whoever writes the reference down: texts, no files.
import { coxVersion } from "../version.ts";
import { helpPages } from "./elsewhere.ts";
import { helpManPages, manPages } from "./man.ts";
import { machinesPage, referencePage } from "./markdown.ts";
import { readReference } from "./pages.ts";

/** docs/reference/cox.md. */
export async function referenceText(): Promise<string> {
  return referencePage(await readReference());
}

/** docs/reference/cox-machines.md. */
export async function machinesText(): Promise<string> {
  return machinesPage(await helpPages());
}

/** Man pages by their file names: cox.1, cox-get.1, cox-rollout-undo.1, … */
export async function manTexts(): Promise<ReadonlyMap<string, string>> {
  return new Map([...manPages(await readReference(), coxVersion), ...helpManPages(await helpPages(), coxVersion)]);
}
