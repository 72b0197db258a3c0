// `npm run topologies`: every way to lay out a cluster, on lab machines with the real image and compose files, each put to the same smoke test
// and to the failures it should survive. Minutes, not for every run; test/system/compose.test.ts is the short form.
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { Failure, runScript } from "./cluster/failure.ts";
import { defaultDataDir } from "./cluster/layout.ts";
import { topologies } from "./topologies/topologies.ts";

const usage = `npm run topologies                         all: ${Object.keys(topologies).join(", ")}
npm run topologies -- stacked replace      only these
Options: --data-dir DIR (the lab's, below which everything is made and removed), --keep (leave the last lab for a look)`;

await runScript(async () => {
  const { values, positionals } = parse();
  if (values.help) return void process.stdout.write(`${usage}\n`);
  const names = positionals.length > 0 ? positionals : Object.keys(topologies);
  const unknown = names.find((name) => !(name in topologies));
  if (unknown !== undefined)
    throw new Failure(`there is no topology ${unknown}; there are ${Object.keys(topologies).join(", ")}`);
  const dataDir = resolve(values["data-dir"] ?? join(defaultDataDir, "topologies"));
  const startedAt = performance.now();
  const say = (text: string): void =>
    void process.stdout.write(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(7)} s  ${text}\n`);
  const failed: string[] = [];
  for (const name of names) {
    say(`── ${name}`);
    try {
      await topologies[name]?.({ dataDir, say, keep: values.keep === true });
      say(`✓ ${name}`);
    } catch (error) {
      failed.push(name);
      say(`✗ ${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  process.stdout.write(`${names.length - failed.length} passed, ${failed.length} failed\n`);
  return failed.length === 0 ? 0 : 1;
});

function parse() {
  try {
    return parseArgs({
      options: { "data-dir": { type: "string" }, keep: { type: "boolean" }, help: { type: "boolean" } },
      allowPositionals: true,
    });
  } catch (cause) {
    throw new Failure((cause as Error).message.split(". To specify", 1)[0] ?? "", { cause });
  }
}
