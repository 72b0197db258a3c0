// `npm run demos [-- NAME…]`: plays the demos of test/system/demos on a lab that runs (`npm start -- --workers 3 --detach`), one for
// each challenge of a cluster, and says what each of them shows.
import { parseArgs } from "node:util";
import { resolve } from "node:path";
import { systemClock } from "@coxswain/clock";
import { createLab, labDirectory } from "@coxswain/lab";
import { attach } from "../test/system/cluster.ts";
import { demos } from "../test/system/demos/index.ts";
import { perform } from "../test/system/demos/stage.ts";
import type { Demo } from "../test/system/demos/stage.ts";
import { Failure, runScript } from "./cluster/failure.ts";
import { defaultDataDir, layoutOf } from "./cluster/layout.ts";

const known: Readonly<Record<string, Demo>> = demos;
const usage = `npm run demos [-- NAME…]   plays demos on a lab that runs; all of them, without a name:
${Object.entries(known)
  .map(([name, { challenge }]) => `    ${name.padEnd(24)} ${challenge}`)
  .join("\n")}
Options: --data-dir DIR
`;

await runScript(async () => {
  const { values, names } = parse();
  if (values.help) return void process.stdout.write(usage);
  const dataDir = values["data-dir"] === undefined ? defaultDataDir : resolve(values["data-dir"]);
  const lab = createLab({ directory: await labDirectory(layoutOf(dataDir).labDir) }, { clock: systemClock });
  const machine = (await lab.machines()).at(-1)?.name;
  if (machine === undefined) throw new Failure(`no lab runs on ${dataDir}: npm start -- --workers 3 --detach`);
  const power = { machine, off: () => lab.off(machine), on: () => lab.on(machine) };
  const say = (text: string): void => void process.stdout.write(`  ${text}\n`);
  for (const name of names) {
    const demo = known[name];
    if (!demo) throw new Failure(`there is no demo ${name}; see --help`);
    process.stdout.write(`${demo.challenge}\n`);
    const namespace = `demo-${name}-${Math.floor(systemClock.now() / 1000) % 100_000}`;
    await perform(demo, { cluster: attach(dataDir), lab, namespace, power, say });
  }
});

function parse() {
  try {
    const { values, positionals } = parseArgs({
      options: { "data-dir": { type: "string" }, help: { type: "boolean" } },
      allowPositionals: true,
    });
    return { values, names: positionals.length > 0 ? positionals : Object.keys(known) };
  } catch (cause) {
    throw new Failure((cause as Error).message.split(". To specify", 1)[0] ?? "", { cause });
  }
}
