// Debian's own kernel with its modules, and a busybox that needs no libraries, from Debian's packages into a directory of ours. Nothing is installed.
import { mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Failure } from "../cluster/failure.ts";
import { must } from "./command.ts";

export interface Kernel {
  /** As `uname -r` says it. */
  readonly release: string;
  readonly image: string;
  /** With `modules.dep`. */
  readonly modules: string;
  readonly busybox: string;
}

/** What is there already is taken as it is; who wants a newer one removes the directory. */
export async function bringKernel(directory: string): Promise<Kernel> {
  const stamp = join(directory, "release");
  const there = await readFile(stamp, "utf8").catch(() => undefined);
  if (there !== undefined) return kernelIn(directory, there);

  await mkdir(dirname(directory), { recursive: true });
  const fresh = await mkdtemp(`${directory}.`);
  try {
    process.stderr.write("coxswain: bringing Debian's kernel (about 70 MB, once)\n");
    const depends = await must("apt-cache", ["depends", "linux-image-amd64"]);
    const name = /Depends: (linux-image-[\w.+-]*amd64)$/m.exec(depends)?.[1];
    if (name === undefined)
      throw new Failure(
        "Debian's package linux-image-amd64 is not known here: this needs a Debian, after apt-get update",
      );
    // Not by apt's own user, who may not write here.
    await must("apt-get", ["download", "-o", "APT::Sandbox::User=root", name, "busybox-static"], { cwd: fresh });
    for (const file of (await readdir(fresh)).filter((entry) => entry.endsWith(".deb"))) {
      await must("dpkg-deb", ["-x", join(fresh, file), fresh]);
      await rm(join(fresh, file));
    }
    const [release = ""] = await readdir(join(fresh, "lib", "modules"));
    const kernel = kernelIn(fresh, release);
    await must(kernel.busybox, ["depmod", "-b", fresh, release]);
    await writeFile(join(fresh, "release"), release);
    await rm(directory, { recursive: true, force: true });
    await rename(fresh, directory);
    return kernelIn(directory, release);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

function kernelIn(directory: string, release: string): Kernel {
  return {
    release,
    image: join(directory, "boot", `vmlinuz-${release}`),
    modules: join(directory, "lib", "modules", release),
    busybox: join(directory, "bin", "busybox"),
  };
}
