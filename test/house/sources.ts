// Reads the project's own sources for the house tests. Knows folders, not rules.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const projectRoot: string = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const packagesDir: string = join(projectRoot, "packages");

export interface SourceFile {
  /** Relative to the project's root. */
  readonly path: string;
  readonly content: string;
}

export function packageNames(): readonly string[] {
  return readdirSync(packagesDir)
    .filter((name) => existsSync(join(packagesDir, name, "package.json")))
    .sort();
}

/** Every TypeScript file of a package, tests and doors for tests included. */
export function sourcesOf(name: string): readonly SourceFile[] {
  return ["src", "testing", "provider"].flatMap((folder) => filesBelow(join(packagesDir, name, folder)));
}

export function filesBelow(folder: string): readonly SourceFile[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && !entry.parentPath.includes("node_modules"))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ path: relative(projectRoot, file), content: readFileSync(file, "utf8") }));
}

/** Without comments and string contents, so that a rule about code does not trip over words. */
export function codeOf(content: string): string {
  return content
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/(^|[^:"'`])\/\/.*$/gm, "$1")
    .replace(/"(?:[^"\\\n]|\\.)*"/g, '""')
    .replace(/`[^`]*`/g, "``");
}
