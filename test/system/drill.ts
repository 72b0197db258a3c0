// `cox drill` on a test's cluster, by the command that people type.
import { spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "./cluster.ts";
import type { TestCluster } from "./cluster.ts";

const cox = join(projectRoot, "packages/cox/src/main.ts");

export interface Driver {
  readonly pid: number;
  readonly ended: Promise<{ readonly code: number | null; readonly text: string }>;
}

export function startDrill(cluster: TestCluster, args: readonly string[]): Driver {
  const child = spawn(process.execPath, [cox, "drill", ...args, "--data-dir", cluster.dataDir], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said: string[] = [];
  child.stdout.on("data", (chunk: Buffer) => said.push(chunk.toString("utf8")));
  child.stderr.on("data", (chunk: Buffer) => said.push(chunk.toString("utf8")));
  const ended = new Promise<{ code: number | null; text: string }>((resolve) =>
    child.once("close", (code) => resolve({ code, text: said.join("") })),
  );
  return { pid: child.pid ?? 0, ended };
}

/** The promises that the newest run of a drill has kept, and its report for people. */
export function newestReport(
  cluster: TestCluster,
  drill: string,
): { readonly kept: readonly string[]; readonly html: string } {
  const runs = join(cluster.dataDir, "drills");
  const newest = readdirSync(runs)
    .filter((name) => name.startsWith(`${drill.toLowerCase()}-`))
    .sort()
    .at(-1);
  const read = (file: string): string => readFileSync(join(runs, newest ?? "", file), "utf8");
  const { verdicts } = JSON.parse(read("report.json")) as {
    verdicts: readonly { promise: string; outcome: string }[];
  };
  return {
    kept: verdicts.filter(({ outcome }) => outcome === "passed").map(({ promise }) => promise),
    html: read("report.html"),
  };
}
