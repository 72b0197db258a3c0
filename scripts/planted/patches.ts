// The planted bugs: patch files that begin with what the bug is and where it comes from.
import { execFile } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { projectRoot } from "../cluster/layout.ts";

export const plantedDirectory: string = join(projectRoot, "packages", "sim", "planted");

export interface PlantedBug {
  readonly name: string;
  readonly file: string;
  /** One sentence. */
  readonly bug: string;
  readonly from: string;
  /** Where the sources are that it changes. */
  readonly folders: readonly string[];
}

export async function plantedBugs(): Promise<readonly PlantedBug[]> {
  const names = (await readdir(plantedDirectory)).filter((name) => name.endsWith(".patch")).sort();
  return Promise.all(
    names.map(async (name) => {
      const file = join(plantedDirectory, name);
      const text = await readFile(file, "utf8");
      const field = (title: string): string => new RegExp(`^${title}: (.+)$`, "m").exec(text)?.[1] ?? "";
      const folders = [...text.matchAll(/^\+\+\+ b\/(.+)\/[^/]+$/gm)].map(([, folder = ""]) => folder);
      return { name: name.replace(/\.patch$/, ""), file, bug: field("Bug"), from: field("From"), folders };
    }),
  );
}

/** Plants a bug in the sources at `directory`, or only looks whether that could be done. Rejects when its surroundings have changed. */
export async function plant(bug: PlantedBug, directory: string, onlyLook: boolean = false): Promise<void> {
  const words = ["apply", ...(onlyLook ? ["--check"] : []), "--recount", bug.file];
  await promisify(execFile)("git", words, { cwd: directory, env: { ...process.env, GIT_CEILING_DIRECTORIES: "/" } });
}
