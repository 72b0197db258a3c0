// Drills on a small lab by the command that people type: a short one that must keep its promises, one that cannot be had, and one whose
// driver is killed in the middle. Bounds in time are not judged here: they are for a quiet machine.
import { spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, projectRoot, run, script, startCluster } from "./cluster.ts";
import type { TestCluster } from "./cluster.ts";

const cox = join(projectRoot, "packages/cox/src/main.ts");
let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster(["--workers", "2", "--no-demo"]);
});
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

interface Ended {
  readonly code: number | null;
  readonly text: string;
}

function drill(args: readonly string[]): { readonly pid: number; readonly ended: Promise<Ended> } {
  const child = spawn(process.execPath, [cox, "drill", ...args, "--data-dir", cluster.dataDir], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said: string[] = [];
  child.stdout.on("data", (chunk: Buffer) => said.push(chunk.toString("utf8")));
  child.stderr.on("data", (chunk: Buffer) => said.push(chunk.toString("utf8")));
  const ended = new Promise<Ended>((resolve) => child.once("close", (code) => resolve({ code, text: said.join("") })));
  return { pid: child.pid ?? 0, ended };
}

const runsDirectory = (): string => join(cluster.dataDir, "drills");
const newest = (prefix: string): string =>
  join(
    runsDirectory(),
    readdirSync(runsDirectory())
      .filter((name) => name.startsWith(prefix))
      .sort()
      .at(-1) ?? "",
  );
// Adoption of running containers is not among them: the lab's engine takes its containers with it when it restarts.
const safety = [
  "the faults were injected",
  "acknowledged API writes are kept, once",
  "watches resume with no gap and no repetition",
  "one active leader",
  "at most one running instance per StatefulSet ordinal",
  "exact replica counts",
  "no orphan containers",
  "no over-commitment",
];

describe("a drill", () => {
  it("restarts the engine and the agent of a worker, and every promise but those about time is judged as kept (A135)", async () => {
    const { text } = await drill(["run", "D-08", "--steady", "1s", "--seed", "7"]).ended;
    const { verdicts } = JSON.parse(readFileSync(join(newest("d-08"), "report.json"), "utf8")) as {
      verdicts: readonly { promise: string; outcome: string }[];
    };
    const kept = verdicts.filter(({ outcome }) => outcome === "passed").map(({ promise }) => promise);
    expect(
      safety.filter((promise) => !kept.includes(promise)),
      text,
    ).toEqual([]);
    expect(readFileSync(join(newest("d-08"), "report.html"), "utf8")).toContain("<svg");
  }, 400_000);

  it("that cannot be had says so and is not passed", async () => {
    const { code, text } = await drill(["run", "D-01", "--steady", "1s"]).ended;
    expect(code).toBe(1);
    expect(text).toContain("it takes 3 masters, there are 1");
  }, 120_000);

  it("whose driver is killed is taken back by abort, and leaves nothing", async () => {
    const driver = drill(["run", "D-07", "--steady", "1s"]);
    await eventually("the cut", 240_000, async () => {
      const { stdout } = await script("lab", ["status", "--data-dir", cluster.dataDir]);
      return stdout.includes("does not reach") ? true : undefined;
    });
    process.kill(driver.pid, "SIGKILL");
    await driver.ended;
    const aborted = await drill(["abort"]).ended;
    expect(aborted.code, aborted.text).toBe(0);
    expect((await script("lab", ["status", "--data-dir", cluster.dataDir])).stdout).not.toMatch(
      /does not reach|off|paused/,
    );
    await eventually("ready nodes", 120_000, async () => {
      const rows = (await cluster.must(["get", "nodes", "--no-headers"])).trim().split("\n");
      return rows.length === 2 && rows.every((row) => / Ready /.test(row)) ? true : undefined;
    });
    expect(await cluster.must(["get", "namespaces", "-o", "name"])).not.toContain("drill-");
    expect((await run("ebtables-save", [])).stdout).not.toMatch(/DROP.*cxl/);
  }, 600_000);
});
