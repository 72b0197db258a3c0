// A copy of the sources in which a bug can be planted: files are copied, installed packages linked, and the workspace's own packages are
// the copied ones.
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../cluster/layout.ts";

export interface Tree extends AsyncDisposable {
  readonly directory: string;
}

const copied = ["packages", "scripts", "test", "package.json", "tsconfig.json", "vitest.config.ts"];

export async function copyTree(): Promise<Tree> {
  const directory = await mkdtemp(join(tmpdir(), "coxswain-planted-"));
  // Links inside packages lead to neighbours and to the store of installed packages beside them: as links they lead to the copies.
  for (const name of copied)
    await cp(join(projectRoot, name), join(directory, name), { recursive: true, verbatimSymlinks: true });
  const modules = join(directory, "node_modules");
  await mkdir(join(modules, "@coxswain"), { recursive: true });
  for (const name of await readdir(join(projectRoot, "node_modules"))) {
    if (name !== "@coxswain") await symlink(join(projectRoot, "node_modules", name), join(modules, name));
  }
  for (const name of await readdir(join(directory, "packages")))
    await symlink(join("..", "..", "packages", name), join(modules, "@coxswain", name));
  return { directory, [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) };
}
