// `npm run vm -- COMMAND…`: runs a command on another kernel, as root, in a virtual machine whose file system is this machine's own with a layer in
// memory above it: what is written there is gone afterwards. For what this machine's kernel is not set up for, cgroups of version 2 or systemd above all.
// It needs a Debian with qemu-system-x86, and brings the kernel itself. Not an isolation: the command reads all that the caller can.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { systemClock } from "@coxswain/clock";
import { parseDuration } from "@coxswain/daemon";
import { Failure, runScript } from "./cluster/failure.ts";
import { buildImages } from "./cluster/images.ts";
import { defaultDataDir, layoutOf, projectRoot } from "./cluster/layout.ts";
import { makeBootImage } from "./vm/boot-image.ts";
import { must } from "./vm/command.ts";
import { bringKernel } from "./vm/kernel.ts";

const usage = `npm run vm -- [OPTIONS] COMMAND [ARGUMENT…]   one word is a line for the shell; without COMMAND: a shell
  --cgroup-v1      control groups of version 1 (without it: version 2 alone)
  --systemd        systemd is the first process, with its bus, and the command a service of it
  --docker         with a Docker Engine of its own that has coxswain/pause:1 and coxswain/busybox:1
  --memory MiB     4096; half of it is for what is written
  --cpus N         2
  --deadline 20m   after which the machine is switched off
  --kvm            where the processor's own virtualization works: ten times as fast
  --verbose        what the kernel says`;
const switchedOff = 124;
/** Without memory protection keys: V8 guards its compiled code by them where it finds them, and a daemon was seen to die of it under emulated ones. */
const emulated = ["-accel", "tcg,thread=multi", "-cpu", "max,pku=off"];

await runScript(async () => {
  const { values, command } = parse(process.argv.slice(2));
  if (values.help) {
    process.stdout.write(`${usage}\n`);
    return 0;
  }
  const deadlineMs = parseDuration(values.deadline);
  if (deadlineMs === undefined)
    throw new Failure(`--deadline: expected a duration such as 20m, found ${values.deadline}`);
  const [memoryMiB, cpus] = [numberOf("memory", values.memory), numberOf("cpus", values.cpus)];
  if (process.getuid?.() !== 0) throw new Failure("the machine reads this one's files as root does: run it as root");
  for (const [tool, debianPackage] of [
    ["qemu-system-x86_64", "qemu-system-x86"],
    ["cpio", "cpio"],
  ] as const)
    await must("which", [tool]).catch(() => {
      throw new Failure(`${tool} is missing: apt-get install ${debianPackage}`);
    });

  const kernel = await bringKernel(join(projectRoot, ".cache", "vm"));
  const directory = mkdtempSync(join(tmpdir(), "coxswain-vm-"));
  const codeFile = join(directory, "code");
  const aborter = new AbortController();
  const end = (): void => aborter.abort(new Failure("interrupted"));
  process.once("SIGINT", end).once("SIGTERM", end);
  try {
    const image = await makeBootImage(directory, kernel, {
      command,
      workingDirectory: process.cwd(),
      environment: { PATH: process.env["PATH"], HOME: process.env["HOME"], TERM: process.env["TERM"] },
      cgroups: values["cgroup-v1"] ? 1 : 2,
      systemd: values.systemd,
      images: values.docker ? await smallImages() : [],
    });
    const said = [
      ...["panic=-1", ...(values.verbose ? ["console=ttyS0", "loglevel=7"] : [])],
      ...(values["cgroup-v1"] ? ["systemd.unified_cgroup_hierarchy=0"] : []),
    ];
    const machine = [
      ...["-machine", "q35", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
      ...(values.kvm ? ["-accel", "kvm", "-cpu", "host"] : emulated),
      ...["-smp", `${cpus}`, "-m", `${memoryMiB}`],
      ...["-kernel", kernel.image, "-initrd", image, "-append", said.join(" ")],
      ...["-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap"],
      ...["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console", "-serial", `file:${codeFile}`],
    ];
    const overdue = systemClock.sleep(deadlineMs, aborter.signal).then(() => "overdue" as const);
    const ended = await Promise.race([run(machine, command === undefined, aborter.signal), overdue]);
    aborter.abort(new Failure("over"));
    if (ended === "overdue") {
      process.stderr.write(`coxswain: the machine was switched off after ${values.deadline}\n`);
      return switchedOff;
    }
    const code = existsSync(codeFile) ? readFileSync(codeFile, "utf8").trim() : "";
    if (!/^\d+$/.test(code)) throw new Failure(`the machine ended before its command did${ended}; see --verbose`);
    return Number(code);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

async function smallImages(): Promise<readonly string[]> {
  const images = await buildImages(layoutOf(defaultDataDir).imageDir, (text) => void process.stderr.write(`${text}\n`));
  return images.flatMap(({ reference, archive }) => (/(pause|busybox):1$/.test(reference) ? archive : []));
}

/** Resolves when the machine is off, to what is worth knowing of it. Nothing outlives this process. */
function run(args: readonly string[], interactive: boolean, signal: AbortSignal): Promise<string> {
  return new Promise((settle, reject) => {
    const child = spawn("setpriv", ["--pdeathsig", "KILL", "qemu-system-x86_64", ...args], {
      stdio: interactive ? "inherit" : ["ignore", "pipe", "inherit"],
    });
    signal.addEventListener("abort", () => child.kill("SIGKILL"), { once: true });
    child.stdout?.pipe(process.stdout, { end: false });
    child.once("error", reject);
    child.once("close", (code) => settle(code === 0 ? "" : ` (qemu: ${code ?? "killed"})`));
  });
}

function parse(argv: readonly string[]) {
  const withValue = ["--memory", "--cpus", "--deadline"];
  let first = 0;
  while (argv[first]?.startsWith("--") && argv[first] !== "--") first += withValue.includes(argv[first] ?? "") ? 2 : 1;
  const { values } = parseArgs({
    args: argv.slice(0, first),
    options: {
      ...{ "cgroup-v1": { type: "boolean", default: false }, systemd: { type: "boolean", default: false } },
      ...{ docker: { type: "boolean", default: false } },
      ...{ kvm: { type: "boolean", default: false }, verbose: { type: "boolean", default: false } },
      memory: { type: "string", default: "4096" },
      cpus: { type: "string", default: "2" },
      deadline: { type: "string", default: "20m" },
      help: { type: "boolean", default: false },
    },
  });
  const words = argv.slice(argv[first] === "--" ? first + 1 : first);
  return { values, command: words.length === 0 ? undefined : words };
}

function numberOf(flag: string, text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new Failure(`--${flag}: expected a number, found ${text}`);
  return Number(text);
}
