// Facts about this machine, read anew each time.
import { readFile, readdir, statfs } from "node:fs/promises";
import { arch, cpus, hostname, networkInterfaces, release, totalmem } from "node:os";
import type { RuntimeVersion } from "@coxswain/container-runtime";
import type { MachineFacts } from "../../core/node/status.ts";

export async function readMachine(
  runtime: RuntimeVersion,
  rootDirectory: string,
  nodeIp: string | undefined,
): Promise<MachineFacts> {
  const [osRelease, machineId, bootId, disk, hugePages] = await Promise.all([
    readText("/etc/os-release"),
    readText("/etc/machine-id"),
    readText("/proc/sys/kernel/random/boot_id"),
    statfs(rootDirectory),
    readHugePages(),
  ]);
  return {
    hostname: hostname().toLowerCase(),
    addresses: nodeIp === undefined ? ownAddresses().slice(0, 1) : [nodeIp],
    cpus: cpus().length,
    memoryBytes: totalmem(),
    diskBytes: disk.blocks * disk.bsize,
    hugePages,
    architecture: arch() === "x64" ? "amd64" : arch(),
    kernelVersion: release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)/m.exec(osRelease)?.[1] ?? "Linux",
    runtimeVersion: `${runtime.name}://${runtime.version}`,
    machineId: machineId.trim(),
    bootId: bootId.trim(),
  };
}

/** Whether we have CAP_SYS_RESOURCE, without which nobody's score can be lowered; found out once. */
export async function mayProtectProcesses(): Promise<boolean> {
  const [, effective = "0"] = /^CapEff:\s*([0-9a-f]+)$/m.exec(await readText("/proc/self/status")) ?? [];
  return ((BigInt(`0x${effective}`) >> 24n) & 1n) === 1n;
}

/** Whether the kernel confines programs by AppArmor profiles. */
export async function hasAppArmor(): Promise<boolean> {
  return (await readText("/sys/module/apparmor/parameters/enabled")).trim() === "Y";
}

/** How many processes and threads the kernel lets live at once. */
export async function mostProcesses(): Promise<number> {
  const texts = await Promise.all(["pid_max", "threads-max"].map((name) => readText(`/proc/sys/kernel/${name}`)));
  return Math.min(...texts.map(Number));
}

/** How long this start of the machine has lasted: a clock that no restart of a process sets back. */
export async function machineTime(): Promise<{ readonly bootId: string; readonly uptimeMs: number }> {
  const [uptime, bootId] = await Promise.all([readText("/proc/uptime"), readText("/proc/sys/kernel/random/boot_id")]);
  return { bootId: bootId.trim(), uptimeMs: Number(uptime.split(" ")[0]) * 1000 };
}

/** Addresses of this machine's own interfaces; bridges of container engines and of ours come last. */
export function ownAddresses(): readonly string[] {
  const rank = (name: string): number => (/^(docker|br-|cox|veth|virbr)/.test(name) ? 1 : 0);
  return Object.entries(networkInterfaces())
    .toSorted(([a], [b]) => rank(a) - rank(b))
    .flatMap(([, addresses]) =>
      (addresses ?? [])
        .filter((address) => address.family === "IPv4" && !address.internal)
        .map((address) => address.address),
    );
}

/** Every size that the kernel offers, also those of which there are none: pods may ask for them and are told why not. */
async function readHugePages(): Promise<MachineFacts["hugePages"]> {
  const root = "/sys/kernel/mm/hugepages";
  const names = await readdir(root).catch(() => []);
  return Promise.all(
    names.toSorted().map(async (name) => ({
      sizeBytes: Number(/^hugepages-(\d+)kB$/.exec(name)?.[1] ?? 0) * 1024,
      count: Number(await readText(`${root}/${name}/nr_hugepages`)),
    })),
  );
}

async function readText(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}
