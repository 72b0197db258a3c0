// `npm run planted-bugs [-- NAME…] [--seeds N] [--write]`: plants each bug in a copy of the sources and lets the net find it: first the
// simulation, then the unit tests beside the sources it is planted in. Prints what found it, with which seed, in what time; ends with 1 if something
// was not found. With `--write` the table in packages/sim/README.md is written anew.
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { Failure, runScript } from "./cluster/failure.ts";
import { projectRoot } from "./cluster/layout.ts";
import type { Catch } from "./planted/net.ts";
import { plant, plantedBugs } from "./planted/patches.ts";
import type { PlantedBug } from "./planted/patches.ts";
import { copyTree } from "./planted/tree.ts";
import { tableWith } from "./planted/table.ts";
import type { Found } from "./planted/table.ts";

const run = promisify(execFile);
const say = (text: string): void => void process.stdout.write(`${text}\n`);
/** A bug may make a run go round in circles: then this ends it, and that is a finding, too. */
const simulationLimitMs = 600_000;

await runScript(async () => {
  const { values, positionals } = parseArgs({
    options: { seeds: { type: "string", default: "1500" }, write: { type: "boolean", default: false } },
    allowPositionals: true,
  });
  const all = await plantedBugs();
  const chosen = positionals.length === 0 ? all : all.filter(({ name }) => positionals.includes(name));
  if (chosen.length === 0) throw new Failure(`expected names of planted bugs, found ${positionals.join(" ")}`);
  const found: Found[] = [];
  for (const bug of chosen) {
    const result = await find(bug, values.seeds);
    say(
      `${bug.name}: ${result.by === undefined ? "NOT FOUND" : `found by ${result.by}`} in ${(result.ms / 1000).toFixed(1)} s`,
    );
    found.push(result);
  }
  const readme = join(projectRoot, "packages", "sim", "README.md");
  const text = tableWith(await readFile(readme, "utf8"), found);
  if (values.write) await writeFile(readme, text);
  const missed = found.filter(({ by }) => by === undefined);
  say(`\n${found.length - missed.length} of ${found.length} planted bugs were found`);
  return missed.length === 0 ? 0 : 1;
});

async function find(bug: PlantedBug, seeds: string): Promise<Found> {
  await using tree = await copyTree();
  await plant(bug, tree.directory);
  const startMs = performance.now();
  const by = (await simulate(tree.directory, seeds)) ?? (await test(tree.directory, bug.folders));
  return { bug, by, ms: performance.now() - startMs };
}

async function simulate(directory: string, seeds: string): Promise<string | undefined> {
  const { stdout } = await run(process.execPath, [join("scripts", "planted", "net.ts"), seeds], {
    cwd: directory,
    timeout: simulationLimitMs,
    maxBuffer: 64 << 20,
  }).catch((error: unknown) => {
    if (error instanceof Error && "killed" in error && error.killed === true)
      return { stdout: JSON.stringify({ check: "no run goes round in circles", seed: "?" }) };
    throw error;
  });
  const caught = JSON.parse(stdout.trim().split("\n").at(-1) ?? "{}") as Partial<Catch>;
  return caught.check === undefined ? undefined : `simulation, "${caught.check}", seed ${caught.seed}`;
}

async function test(directory: string, folders: readonly string[]): Promise<string | undefined> {
  const vitest = join(directory, "node_modules", ".bin", "vitest");
  const file = join(directory, "unit-tests.json");
  const words = ["run", "--project", "unit", "--reporter", "json", "--outputFile", file, ...folders];
  // It ends with 1 when a test fails, which is what is hoped for; the report says so.
  await run(vitest, words, { cwd: directory, maxBuffer: 256 << 20 }).catch(() => undefined);
  const report = JSON.parse(await readFile(file, "utf8")) as {
    testResults: { assertionResults: { status: string; fullName: string }[] }[];
  };
  const failed = report.testResults.flatMap((each) => each.assertionResults).find(({ status }) => status === "failed");
  return failed && `unit test, "${failed.fullName}"`;
}
