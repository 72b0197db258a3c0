// Which files the product is made of once it is installed somewhere: the daemons' and the command line's sources without their tests, and
// the third-party packages that they need at run time, found by following the manifests as pnpm has laid them out. It copies nothing.
import { existsSync, lstatSync, readFileSync, readdirSync, readlinkSync, realpathSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { projectRoot } from "./layout.ts";

export type ProductFile =
  | { readonly path: string; readonly from: string; readonly mode: number }
  | { readonly path: string; readonly linkTo: string };

/** What is installed, with all that it leads to. */
export const productDaemons = [
  "store",
  "apiserver",
  "scheduler",
  "controller-manager",
  "node-agent",
  "proxy",
  "dns",
  "cox",
] as const;

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** Files and links by their path below the project, in a stable order. */
export function productFiles(): readonly ProductFile[] {
  const found = new Map<string, ProductFile>();
  const seen = new Set<string>();
  const waiting = productDaemons.map((name) => join(projectRoot, "packages", name));
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    if (seen.has(directory)) continue;
    seen.add(directory);
    addFiles(directory, found);
    for (const link of linksOf(directory)) {
      const path = relative(projectRoot, link);
      if (lstatSync(link).isSymbolicLink()) found.set(path, { path, linkTo: readlinkSync(link) });
      waiting.push(realpathSync(link));
    }
  }
  for (const path of ["package.json", "LICENSE"]) found.set(path, { path, from: join(projectRoot, path), mode: 0o644 });
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Where the packages that this one needs stand, as Node would find them. */
function linksOf(directory: string): readonly string[] {
  const manifest = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as Manifest;
  const names = Object.keys({
    ...manifest.dependencies,
    ...manifest.optionalDependencies,
    ...manifest.peerDependencies,
  });
  // pnpm puts a package's own dependencies beside it, a workspace package's into its own folder.
  const beside = directory.slice(0, directory.length - manifest.name.length - 1);
  const folder = isOurs(directory) ? join(directory, "node_modules") : beside;
  return names.map((name) => join(folder, name)).filter((link) => existsSync(link));
}

const notNeeded = /(\.md|\.map|\.d\.[cm]?ts|\.test\.ts|\.markdown|\.flow)$/;
/** Sources of native code, other machines' builds, tests and examples. */
const notNeededFolders = /^(deps|test|tests|testing|testdata|examples?|docs|benchmarks?|\.github)$/;

function addFiles(directory: string, found: Map<string, ProductFile>): void {
  const walk = (folder: string, depth: number): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const from = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (entry.name === "node_modules" && isOurs(directory)) continue;
        if (depth === 0 && notNeededFolders.test(entry.name)) continue;
        if (dirname(from).endsWith("/prebuilds") && entry.name !== `${process.platform}-${process.arch}`) continue;
        walk(from, depth + 1);
      } else if (entry.isFile() && !notNeeded.test(entry.name)) {
        const path = relative(projectRoot, from);
        found.set(path, { path, from, mode: lstatSync(from).mode & 0o111 ? 0o755 : 0o644 });
      }
    }
  };
  walk(directory, 0);
}

function isOurs(directory: string): boolean {
  return dirname(directory) === join(projectRoot, "packages");
}
