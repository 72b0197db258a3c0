// The door for whoever writes the reference down: texts, no files.
import { coxVersion } from "../version.ts";
import { manPages } from "./man.ts";
import { referencePage } from "./markdown.ts";
import { readReference } from "./pages.ts";

/** docs/reference/cox.md. */
export async function referenceText(): Promise<string> {
  return referencePage(await readReference());
}

/** Man pages by their file names: cox.1, cox-get.1, cox-rollout-undo.1, … */
export async function manTexts(): Promise<ReadonlyMap<string, string>> {
  return manPages(await readReference(), coxVersion);
}
