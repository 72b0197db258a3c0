// Plugins: programs on PATH named cox-… or kubectl-…, found by the longest run of words. They get the rest of the words and our streams.
import { spawn } from "node:child_process";
import { accessSync, constants, readdirSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Host } from "./session.ts";

export const pluginPrefixes = ["cox", "kubectl"] as const;

/** The plugin's exit code; undefined when there is none for these words. */
export async function runPlugin(words: readonly string[], host: Host): Promise<number | undefined> {
  const end = words.findIndex((word) => word.startsWith("-"));
  const names = (end < 0 ? words : words.slice(0, end)).map((word) => word.replaceAll("-", "_"));
  for (let count = names.length; count > 0; count -= 1) {
    for (const prefix of pluginPrefixes) {
      const program = findProgram(`${prefix}-${names.slice(0, count).join("-")}`, host);
      if (program === undefined) continue;
      const child = spawn(program, words.slice(count), { stdio: "inherit", env: host.env });
      return new Promise((resolve, reject) => {
        child.once("error", reject);
        child.once("exit", (code, signal) => resolve(signal === null ? (code ?? 1) : 1));
      });
    }
  }
  return undefined;
}

/** Every plugin on PATH, in its order. */
export function listPlugins(host: Host): { readonly path: string; readonly executable: boolean }[] {
  return directories(host).flatMap((directory) => {
    let names: string[];
    try {
      names = readdirSync(directory);
    } catch {
      return []; // PATH may name what is not there
    }
    return names
      .filter((name) => pluginPrefixes.some((prefix) => name.startsWith(`${prefix}-`)))
      .map((name) => join(directory, name))
      .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true)
      .map((path) => ({ path, executable: isExecutable(path) }));
  });
}

function findProgram(name: string, host: Host): string | undefined {
  return directories(host)
    .map((directory) => join(directory, name))
    .find((path) => isExecutable(path) && statSync(path).isFile());
}

const directories = (host: Host): string[] => [
  ...new Set((host.env["PATH"] ?? "").split(delimiter).filter((part) => part !== "")),
];

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
