// `npm run bench -- NAME [WORDS]`: runs a benchmark against the running cluster; a table on stdout, JSON in bench/results.
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import type { Benchmark, Figure, StandaloneBenchmark } from "../bench/bench.ts";
import { adminClient } from "./cluster/bring-up.ts";
import { Failure, runScript } from "./cluster/failure.ts";
import { runningInstance } from "./cluster/instance.ts";
import { defaultDataDir, layoutOf, projectRoot } from "./cluster/layout.ts";

const benchDir = join(projectRoot, "bench");

await runScript(async () => {
  const names = readdirSync(benchDir)
    .filter((file) => file.endsWith(".ts") && file !== "bench.ts")
    .map((file) => file.replace(".ts", ""));
  const [name = "", ...words] = process.argv.slice(2);
  if (!names.includes(name)) throw new Failure(`usage: npm run bench -- NAME; there are ${names.join(", ")}`);
  const { benchmark } = (await import(join(benchDir, `${name}.ts`))) as { benchmark: Benchmark | StandaloneBenchmark };
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  process.stdout.write(`${name}: ${benchmark.summary}\n`);
  const figures = "measure" in benchmark ? await benchmark.measure(say, words) : await runOnCluster(benchmark, say);
  const width = Math.max(...figures.map((figure) => figure.name.length));
  for (const figure of figures)
    process.stdout.write(
      `  ${figure.name.padEnd(width)}  ${figure.value.toFixed(figure.value < 10 ? 2 : 1).padStart(10)} ${figure.unit}\n`,
    );
  mkdirSync(join(benchDir, "results"), { recursive: true });
  const result = {
    name,
    at: new Date().toISOString(),
    node: process.version,
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    figures,
  };
  writeFileSync(join(benchDir, "results", `${name}.json`), `${JSON.stringify(result, null, 2)}\n`);
});

async function runOnCluster(benchmark: Benchmark, say: (text: string) => void): Promise<readonly Figure[]> {
  const layout = layoutOf(process.env["COXSWAIN_DATA_DIR"] ?? defaultDataDir);
  const instance = runningInstance(layout);
  if (!instance) throw new Failure("no cluster runs; `npm start -- --detach --no-demo` brings one up to measure");
  const client = adminClient(layout);
  const pids = Object.fromEntries(
    instance.processes.flatMap(({ name: of, pid }) => (pid === undefined ? [] : [[of, pid]])),
  );
  const figures = await benchmark.run({ client, pids, say });
  await client.close();
  return figures;
}
