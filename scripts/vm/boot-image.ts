// The first file system of the machine: busybox, the modules without which the real one is not reached, and the scripts. Packed by cpio, as the kernel wants it.
import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { chmod, copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { Failure } from "../cluster/failure.ts";
import { bootScript, busService, busSocket, commandScript, commandUnit, runScriptText } from "./boot-scripts.ts";
import type { BootSettings } from "./boot-scripts.ts";
import type { Kernel } from "./kernel.ts";

/** The way to this machine's files, and the layer above them. */
const needed = ["virtio_pci", "9pnet_virtio", "9p", "overlay"];

export async function makeBootImage(directory: string, kernel: Kernel, settings: BootSettings): Promise<string> {
  const tree = join(directory, "tree");
  for (const folder of ["bin", "dev", "modules", "proc", "sys", "vm"])
    await mkdir(join(tree, folder), { recursive: true });
  await copyFile(kernel.busybox, join(tree, "bin", "busybox"));
  const dependencies = await readFile(join(kernel.modules, "modules.dep"), "utf8");
  const modules = modulesInOrder(dependencies, needed);
  for (const path of modules) await copyFile(join(kernel.modules, path), join(tree, "modules", basename(path)));
  const scripts = {
    init: bootScript(
      kernel,
      modules.map((path) => basename(path)),
      settings,
    ),
    "vm/run": runScriptText(settings),
    "vm/command": commandScript(settings),
    "vm/vm.service": commandUnit,
    "vm/dbus.service": busService,
    "vm/dbus.socket": busSocket,
  };
  for (const [name, text] of Object.entries(scripts)) {
    await writeFile(join(tree, name), text);
    await chmod(join(tree, name), 0o755);
  }
  const image = join(directory, "boot.cpio");
  const files = ["bin", "bin/busybox", "dev", "modules", "proc", "sys", "vm", ...Object.keys(scripts)];
  const cpio = spawn("cpio", ["--create", "--format=newc", "--quiet"], {
    cwd: tree,
    stdio: ["pipe", "pipe", "inherit"],
  });
  cpio.stdin.end([...files, ...modules.map((path) => `modules/${basename(path)}`), ""].join("\n"));
  await pipeline(cpio.stdout, createWriteStream(image));
  return image;
}

/** Each after all that it needs; `text` is `modules.dep`: "kernel/a.ko: kernel/b.ko kernel/c.ko". */
export function modulesInOrder(text: string, names: readonly string[]): readonly string[] {
  const lines = text.split("\n").map((line) => line.split(/:\s*|\s+/).filter((word) => word !== ""));
  const needs = new Map(lines.map(([path = "", ...others]) => [path, others]));
  const order: string[] = [];
  const take = (path: string): void => {
    if (order.includes(path)) return;
    for (const other of needs.get(path) ?? []) take(other);
    order.push(path);
  };
  for (const name of names) {
    const path = [...needs.keys()].find((one) => basename(one).replaceAll("-", "_") === `${name}.ko`);
    if (path === undefined) throw new Failure(`the kernel has no module ${name} (plain .ko files are expected)`);
    take(path);
  }
  return order;
}
