// How long a person waits for `cox get pods` and for a completed word, beside kubectl in the same run: each as a process of its own, in turns, so that
// what else the machine does falls on all alike. Thirty pods of a control plane without nodes. `npm run bench -- cox [ROUNDS]`.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { bundleCox } from "../scripts/cluster/cox-bundle.ts";
import { projectRoot } from "../scripts/cluster/layout.ts";
import { startControlPlane } from "../test/protocol/control-plane.ts";
import type { Figure, StandaloneBenchmark } from "./bench.ts";

const cox = join(projectRoot, "packages", "cox");
const programs = {
  kubectl: ["kubectl"],
  cox: [process.execPath, join(cox, "bin", "cox.cjs")],
  "cox from its sources": [process.execPath, join(cox, "src", "main.ts")],
} as const;
const lines = {
  "get pods": ["get", "pods"],
  "a completed type": ["__complete", "get", "po"],
  "a completed name": ["__complete", "get", "pods", "web-2"],
} as const;

export const benchmark: StandaloneBenchmark = {
  summary: "from the start of the process to its end, with a warm cache of what the server offers",
  async measure(say, words) {
    const rounds = Number(words[0] ?? 15);
    say(`the bundle is made of ${await bundleCox()} sources`);
    await using plane = await startControlPlane();
    await plane.must(["create", "serviceaccount", "default"]);
    await plane.must(["apply", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items: pods() }));
    const env = {
      ...process.env,
      KUBECONFIG: plane.servers[0]?.kubeconfig,
      KUBECACHEDIR: join(plane.dir, "cache"),
      NODE_COMPILE_CACHE: join(plane.dir, "compiled"),
    };
    const figures: Figure[] = [];
    for (const [line, args] of Object.entries(lines)) {
      const took: Record<string, number[]> = {};
      // The first round fills caches and is not counted.
      for (let round = 0; round <= rounds; round += 1) {
        for (const [name, program] of Object.entries(programs)) {
          const elapsedMs = await elapsedOf([...program, ...args], env);
          if (round > 0) (took[name] ??= []).push(elapsedMs);
        }
      }
      const medians = Object.entries(took).map(([name, durations]) => [name, median(durations)] as const);
      for (const [name, value] of medians) figures.push({ name: `${line}: ${name} p50`, unit: "ms", value });
      const theirs = medians[0]?.[1] ?? Number.NaN;
      for (const [name, value] of medians.slice(1))
        figures.push({ name: `${line}: ${name}, in kubectl's times`, unit: "", value: value / theirs });
    }
    return figures;
  },
};

function elapsedOf([command = "", ...args]: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const child = spawn(command, args, { env, stdio: "ignore" });
    child.once("error", reject).once("exit", (code) => {
      if (code === 0) resolve(performance.now() - startedAt);
      else reject(new Error(`${command} ${args.join(" ")} ended with ${code}`));
    });
  });
}

const median = (durations: readonly number[]): number =>
  durations.toSorted((a, b) => a - b)[Math.floor(durations.length / 2)] ?? Number.NaN;

const pods = (): readonly unknown[] =>
  Array.from({ length: 30 }, (_, n) => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `web-${n}`, namespace: "default" },
    spec: { containers: [{ name: "web", image: "coxswain/demo:1" }] },
  }));
