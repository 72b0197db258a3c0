// The clusters that a drill can break: the lab that `npm start -- --workers N` makes, and a cluster whose daemons run on this computer.
// Machines are powered, paused and cut by `npm run lab`, so that people and drills use the same switches; daemons get signals.
import { execFile, spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createClient, loadKubeconfig } from "@coxswain/client";
import type { Clock } from "@coxswain/clock";
import { hardships } from "@coxswain/drill";
import type { Act, Action, Need, Target, TargetMachine } from "@coxswain/drill";
import { createEtcdClient } from "@coxswain/etcd-api";
import { CommandError } from "../failure.ts";
import { endingCertificates } from "../machine/keeper.ts";
import { asMachine } from "./ground.ts";
import type { Ground } from "./ground.ts";
import { hardshipHands } from "./hardships/all.ts";
import { shownCertificates } from "./shown-certificates.ts";
import { entrancesOf, pidsOf, pidsWith, signalAll } from "./processes.ts";

const execute = promisify(execFile);
export const projectRoot = dirname(dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url))))));
const labScript = join(projectRoot, "scripts", "lab.ts");

export interface TargetConfig {
  readonly on: "lab" | "this-cluster";
  /** Of `npm start`. */
  readonly dataDir: string;
}

/** Throws a sentence when there is no such cluster. */
export function openTarget({ on, dataDir }: TargetConfig, clock: Clock): Target {
  const admin = join(dataDir, "kubeconfig", "admin.conf");
  if (!existsSync(admin) || !existsSync(join(dataDir, "instance.json")))
    throw new CommandError(
      `error: no cluster runs on ${dataDir}; \`npm start -- --data-dir DIR\` starts one, with --workers N in a lab`,
    );
  const layout = readJson<{ workers: number; masters: number }>(join(dataDir, "cluster.json"));
  const inLab = layout.workers > 0;
  if (on === "lab" && !inLab)
    throw new CommandError(`error: the cluster on ${dataDir} is no lab; --on this-cluster breaks this one`);
  const port = Number(new URL(loadKubeconfig(admin, { userAgent: "cox-drill" }).servers[0] ?? "").port || 6443);
  const machines = inLab ? labMachines(dataDir, layout.masters) : [thisMachine(admin)];
  const mastersOnly = machines.filter(({ master }) => master);
  const find = (name: string): TargetMachine => {
    const found = machines.find((machine) => machine.name === name);
    if (found === undefined) throw new Error(`there is no machine ${name}`);
    return found;
  };
  const labOf = (name: string): string => join(dataDir, "lab", name);
  const inside = (name: string, command: readonly string[]): readonly string[] => {
    if (!inLab) return command;
    const pid = readFileSync(join(labOf(find(name).name), "init.pid"), "utf8").trim();
    return [
      "nsenter",
      "--target",
      pid,
      "--mount",
      "--uts",
      "--ipc",
      "--net",
      "--pid",
      "--cgroup",
      "--wd=/",
      "--",
      ...command,
    ];
  };
  const runInside = async (name: string, command: readonly string[]): Promise<string> => {
    const [program = "", ...args] = inside(name, command);
    return (await execute(program, args, { maxBuffer: 16 << 20 })).stdout;
  };
  const lab = async (...args: readonly string[]): Promise<void> => {
    // What a driver that was killed had just begun must not come after its undoing.
    const others = (): readonly number[] =>
      pidsWith("node", labScript).filter((pid) => pidsWith("node", dataDir).includes(pid));
    while (others().length > 0) await clock.sleep(50);
    await execute(process.execPath, [labScript, ...args, "--data-dir", dataDir]);
  };
  const marksOf = (name: string): readonly string[] =>
    ["pki", "machines", "kubeconfig"].map((part) => `${join(dataDir, part, name)}/`);
  const engine = (name: string, args: readonly string[]): readonly string[] =>
    inLab
      ? ["docker", "--host", `unix://${join(labOf(find(name).name), "docker.sock")}`, ...args]
      : ["docker", ...args];
  const lines = async (
    command: readonly string[],
    line: (text: string) => void,
    signal: AbortSignal,
  ): Promise<void> => {
    const [program = "", ...args] = command;
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    const said: string[] = [];
    child.stderr.on("data", (chunk: Buffer) => said.push(chunk.toString("utf8")));
    const stop = (): void => {
      child.stdout.destroy();
      child.kill("SIGTERM");
    };
    signal.addEventListener("abort", stop, { once: true });
    const reader = createInterface({ input: child.stdout });
    reader.on("line", line);
    try {
      await new Promise<void>((resolve, reject) => {
        child.once("error", reject);
        child.once("exit", (code) =>
          code === 0 || signal.aborted
            ? resolve()
            : reject(new Error(`${program} ended with ${code}: ${said.join("").trim().slice(-300)}`)),
        );
      });
    } finally {
      signal.removeEventListener("abort", stop);
    }
  };
  const store = storeOf(dataDir, mastersOnly, clock);
  const ground: Ground = {
    dataDir,
    machines,
    clock,
    store,
    run: runInside,
    lab,
    kill: (name, daemon) => signalAll(pidsOf(daemon, marksOf(find(name).name)), "SIGKILL"),
    pids: (name, daemon) => pidsOf(daemon, marksOf(find(name).name)),
  };

  const perform = async (action: Action): Promise<void> => {
    switch (action.act) {
      case "kill":
      case "stop":
      case "pause-daemon":
      case "resume-daemon": {
        const signals = {
          kill: "SIGKILL",
          stop: "SIGTERM",
          "pause-daemon": "SIGSTOP",
          "resume-daemon": "SIGCONT",
        } as const;
        const marks = marksOf(find(action.machine).name);
        const reached = signalAll(pidsOf(action.daemon, marks), signals[action.act]);
        if (action.act === "resume-daemon") signalAll(entrancesOf(action.daemon, marks), "SIGCONT");
        if (reached === 0 && action.act !== "resume-daemon")
          throw new Error(`no ${action.daemon} runs on ${action.machine}`);
        return;
      }
      case "power-off":
        return await lab("off", action.machine);
      case "power-on":
        if (inLab) await lab("on", action.machine);
        return;
      case "pause-machine":
        return await lab("pause", action.machine);
      case "resume-machine":
        return await lab("resume", action.machine);
      case "cut":
        return await lab("cut", ...action.links.map(({ from, to }) => `${from}:${to}`));
      case "mend":
        return await lab("heal");
      case "restart-engine": {
        const daemons = (): readonly number[] => pidsWith("dockerd", `${labOf(action.machine)}/`);
        if (signalAll(daemons(), "SIGTERM") === 0) throw new Error(`no dockerd runs on ${action.machine}`);
        while (daemons().length > 0) await clock.sleep(50);
        return await lab("on", action.machine);
      }
      case "flush-rules":
        await runInside(action.machine, [
          "sh",
          "-c",
          "iptables -t nat -F && iptables -t filter -F && iptables -t mangle -F",
        ]);
        return;
      case "hold-rules-lock":
        // Not waited for: it is held while other things happen.
        spawnQuietly(inside(action.machine, ["flock", "/run/xtables.lock", "sleep", String(action.seconds)]));
        return;
      case "impose":
        return await hardshipHands[action.what].impose(ground, action.machine, action.amount);
      case "lift":
        return await hardshipHands[action.what].lift(ground, action.machine, action.amount);
      case "roll-out":
        throw new Error("a roll-out is done through the API");
    }
  };
  // One after the other: two runs of the lab's tool on one directory are not supported.
  let turn: Promise<unknown> = Promise.resolve();

  return {
    kind: on,
    name: inLab ? "lab" : hostname(),
    machines,
    node: process.execPath,
    unable(need) {
      const isHardship = isHardshipName(need);
      const needsLab: readonly Need[] = ["power-off", "pause-machine", "restart-engine", "cut"] satisfies Act[];
      if ((isHardship || needsLab.includes(need)) && !inLab)
        return isHardship
          ? "this is done to the machines of a lab alone, never to a computer that somebody lives on"
          : "this computer cannot be powered off or cut off from itself; use a lab";
      if ((isHardship || needsLab.includes(need)) && !existsSync(labScript))
        return "the lab's tool is not here; use a checkout of the project";
      if (process.getuid?.() !== 0) return "it takes root";
      if (need === "hold-rules-lock")
        return machines
          .flatMap(({ name, worker }) => (worker ? (whyNoLock(inside(name, ["iptables", "-V"])) ?? []) : []))
          .at(0);
      return isHardship ? hardshipHands[need].available() : undefined;
    },
    certificates: () => shownCertificates(machines, port),
    async complaints(name) {
      using own = asMachine(ground, name);
      return endingCertificates(own.directory, clock.now());
    },
    perform(action) {
      const done = turn.then(() => perform(action));
      turn = done.catch(() => undefined);
      return done;
    },
    client(first, only) {
      const ordered = mastersOnly
        .filter(({ name }) => only === undefined || name === first)
        .toSorted((a, b) => Number(b.name === first) - Number(a.name === first));
      const servers = ordered.map(({ address }) => `https://${address}:${port}`);
      return createClient(loadKubeconfig(admin, { userAgent: "cox-drill", servers, requestTimeoutMs: 10_000 }), {
        clock,
      });
    },
    store,
    run: async (name, command, line, signal) => lines(inside(name, command), line, signal),
    async engine(name, args, signal) {
      const [program = "", ...rest] = engine(name, args);
      return (await execute(program, rest, { maxBuffer: 16 << 20, ...(signal ? { signal } : {}) })).stdout;
    },
    engineLines: async (name, args, line, signal) => lines(engine(name, args), line, signal),
    async versions() {
      const client = createClient(loadKubeconfig(admin, { userAgent: "cox-drill" }), { clock });
      try {
        const answer = await client.request({ method: "GET", path: "/version" });
        const { gitVersion } = JSON.parse(answer.text()) as { gitVersion: string };
        const { stdout } = await execute("uname", ["-r"]);
        return { API: gitVersion, node: process.version, kernel: stdout.trim() };
      } finally {
        await client.close();
      }
    },
  };
}

function storeOf(dataDir: string, masters: readonly TargetMachine[], clock: Clock): Target["store"] {
  const own = join(dataDir, "pki", masters[0]?.name ?? "");
  const authority = join(dataDir, "pki", "etcd-ca.crt");
  if (!existsSync(authority) || !existsSync(join(own, "apiserver-etcd-client.crt"))) return undefined;
  const tls = {
    ca: readFileSync(authority),
    cert: readFileSync(join(own, "apiserver-etcd-client.crt")),
    key: readFileSync(join(own, "apiserver-etcd-client.key")),
  };
  const url = ({ address }: TargetMachine): string => `https://${address}:2379`;
  const connectTo = (endpoints: readonly string[]) =>
    createEtcdClient({ endpoints, tls, connectTimeoutMs: 2000, timeoutMs: 5000 }, { clock });
  return {
    names: () => masters.map(({ name }) => name),
    connect: (name) => connectTo(masters.filter((machine) => machine.name === name).map(url)),
    connectAll: () => connectTo(masters.map(url)),
  };
}

function labMachines(dataDir: string, masters: number): readonly TargetMachine[] {
  const { machines } = readJson<{ machines: readonly { name: string }[] }>(join(dataDir, "lab", "lab.json"));
  const hosts = readFileSync(join(dataDir, "lab", machines[0]?.name ?? "", "hosts"), "utf8");
  return machines.map(({ name }, index) => ({
    name,
    address: new RegExp(`^(\\S+) ${name}$`, "m").exec(hosts)?.[1] ?? "",
    master: index < masters,
    worker: index >= masters,
  }));
}

function thisMachine(kubeconfig: string): TargetMachine {
  const server = loadKubeconfig(kubeconfig, { userAgent: "cox-drill" }).servers[0] ?? "";
  return { name: hostname().toLowerCase(), address: new URL(server).hostname, master: true, worker: true };
}

const isHardshipName = (need: Need): need is keyof typeof hardships => Object.hasOwn(hardships, need);

const readJson = <T>(file: string): T => JSON.parse(readFileSync(file, "utf8")) as T;

function spawnQuietly([program = "", ...args]: readonly string[]): void {
  const child = spawn(program, args, { stdio: "ignore", detached: true });
  child.once("error", () => undefined);
  child.unref();
}

/** The lock is of the older of the two iptables; the one over nf_tables writes whole transactions and asks nobody. */
function whyNoLock([program = "", ...args]: readonly string[]): string | undefined {
  const { stdout, error } = spawnSync(program, args, { encoding: "utf8" });
  if (error !== undefined) return `iptables cannot be asked: ${error.message}`;
  return stdout.includes("legacy") ? undefined : "iptables is the one over nf_tables there, which has no lock";
}
