// What the promises look with: objects' fields, what kubectl prints while it watches, and the daemons inside the lab's machines.
import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { request } from "node:https";
import { createInterface } from "node:readline";
import { eventually } from "../cluster.ts";
import { inside, kubectl, machine } from "../demos/stage.ts";
import type { Stage } from "../demos/stage.ts";

const patienceMs = 90_000;

/** One or several fields of what `kubectl get` finds, by a JSONPath. */
export function field(stage: Stage, path: string, ...args: readonly string[]): Promise<string> {
  return kubectl(stage, ["get", ...args, "-o", `jsonpath=${path}`]);
}

/** Looks until it sees the text, or something that fits. */
export function becomes(what: string, expected: string | RegExp, look: () => Promise<string>): Promise<string> {
  return eventually(`${what} is ${String(expected)}`, patienceMs, async () => {
    const found = await look();
    const fits = typeof expected === "string" ? found === expected : expected.test(found);
    if (!fits) throw new Error(`found ${JSON.stringify(found.slice(0, 300))}`);
    return found;
  });
}

export const events = (stage: Stage, subject: string): Promise<string> =>
  kubectl(stage, ["events", `--for=${subject}`]);

interface Line {
  /** When it arrived here, in milliseconds of the monotonic clock. */
  readonly at: number;
  readonly text: string;
}

export interface Following extends AsyncDisposable {
  /** The first line since `sinceMs` that fits, waited for. */
  line(what: string, fits: (text: string) => boolean, sinceMs?: number): Promise<Line>;
}

/** `kubectl get --watch`, a line for each state that it shows. Resolves with the first line. */
export async function follow(stage: Stage, path: string, ...args: readonly string[]): Promise<Following> {
  const { cluster, namespace } = stage;
  const words = ["--kubeconfig", cluster.kubeconfig, "-n", namespace, "get", ...args, "--watch"];
  const child = spawn("kubectl", [...words, "-o", `jsonpath=${path}{"\\n"}`], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.once("close", resolve).once("error", resolve));
  const lines: Line[] = [];
  createInterface({ input: child.stdout }).on("line", (text) => lines.push({ at: performance.now(), text }));
  const following: Following = {
    line: (what, fits, sinceMs = 0) =>
      eventually(what, patienceMs, async () => {
        const found = lines.find(({ at, text }) => at >= sinceMs && fits(text));
        if (!found)
          throw new Error(
            `last seen: ${lines
              .slice(-3)
              .map(({ text }) => JSON.stringify(text))
              .join(", ")}`,
          );
        return found;
      }),
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
  await following.line(`kubectl watches ${args.join(" ")}`, () => true);
  return following;
}

/** The machine with the control plane: the one that kubectl talks to. */
export async function master({ cluster, lab }: Stage): Promise<string> {
  const { hostname } = new URL(apiServer(cluster.kubeconfig));
  const found = (await lab.machines()).find(({ address }) => address === hostname);
  assert(found, `no machine has the address ${hostname}`);
  return found.name;
}

export const apiServer = (kubeconfig: string): string =>
  /server: (\S+)/.exec(readFileSync(kubeconfig, "utf8"))?.[1] ?? "";

/** Process numbers of a daemon, as its machine counts them. */
export async function daemonPids(stage: Stage, on: string, name: string): Promise<readonly string[]> {
  const script = `for p in /proc/[0-9]*; do [ "$(tr '\\0' '\\n' < $p/cmdline 2>/dev/null | grep -c 'packages/${name}/src/main.ts$')" = 0 ] || echo \${p#/proc/}; done`;
  return (await inside(stage, on, "sh", "-c", script)).trim().split("\n").filter(Boolean);
}

/** The command line of a daemon. */
export async function commandOf(stage: Stage, on: string, pid: string): Promise<readonly string[]> {
  return (await inside(stage, on, "cat", `/proc/${pid}/cmdline`)).split("\0").slice(0, -1);
}

/** Kills a daemon where it runs; resolves when another one of that name has taken its place. */
export async function killDaemon(stage: Stage, on: string, name: string): Promise<void> {
  const before = await daemonPids(stage, on, name);
  assert(before.length > 0, `no ${name} runs on ${on}`);
  await inside(stage, on, "kill", "-9", ...before);
  await eventually(`${name} runs again on ${on}`, patienceMs, async () => {
    const now = await daemonPids(stage, on, name);
    return now.length > 0 && !now.some((pid) => before.includes(pid)) ? true : undefined;
  });
}

/** Asks a machine's engine to do something. */
export async function docker(stage: Stage, on: string, ...args: readonly string[]): Promise<string> {
  const { dockerSocket } = await machine(stage, on);
  return inside(stage, on, "docker", "-H", `unix://${dockerSocket}`, ...args);
}

/** Reads a page of a daemon's server as the administrator. */
export async function page({ cluster, lab }: Stage, on: string, port: number, path: string): Promise<string> {
  const config = readFileSync(cluster.kubeconfig, "utf8");
  const data = (name: string): Buffer =>
    Buffer.from(new RegExp(`${name}-data: (\\S+)`).exec(config)?.[1] ?? "", "base64");
  const address = (await lab.machines()).find(({ name }) => name === on)?.address;
  const tls = { ca: data("certificate-authority"), cert: data("client-certificate"), key: data("client-key") };
  return new Promise((resolve, reject) => {
    const outgoing = request(`https://${address}:${port}${path}`, { ...tls, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => (response.statusCode === 200 ? resolve(text) : reject(new Error(text))));
      response.on("error", reject);
    });
    outgoing.once("error", reject).end();
  });
}
