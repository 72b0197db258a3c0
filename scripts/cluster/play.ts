// Plays scripts of test/system on a lab that runs, one after the other, each in a namespace of its own, and says what each of them shows.
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { systemClock } from "@coxswain/clock";
import { createLab, labDirectory } from "@coxswain/lab";
import { attach } from "../../test/system/cluster.ts";
import { perform } from "../../test/system/demos/stage.ts";
import type { Demo } from "../../test/system/demos/stage.ts";
import { Failure } from "./failure.ts";
import { defaultDataDir, layoutOf } from "./layout.ts";

export interface Repertoire {
  /** What one of them is called, and the command that plays it: `npm run NAMEs`. */
  readonly noun: string;
  readonly all: Readonly<Record<string, Demo>>;
  /** Played only when they are named. */
  readonly slow?: Readonly<Record<string, Demo>>;
}

/** Reads the command line, plays, and answers the exit code: what fails does not keep the others from being played. */
export async function play(repertoire: Repertoire): Promise<number> {
  const known: Readonly<Record<string, Demo>> = { ...repertoire.all, ...repertoire.slow };
  const { values, names } = parse(Object.keys(repertoire.all));
  if (values.help) {
    process.stdout.write(usage(repertoire));
    return 0;
  }
  const unknown = names.find((name) => !Object.hasOwn(known, name));
  if (unknown !== undefined) throw new Failure(`there is no ${repertoire.noun} ${unknown}; see --help`);
  const dataDir = values["data-dir"] === undefined ? defaultDataDir : resolve(values["data-dir"]);
  const lab = createLab({ directory: await labDirectory(layoutOf(dataDir).labDir) }, { clock: systemClock });
  const machine = (await lab.machines()).at(-1)?.name;
  if (machine === undefined) throw new Failure(`no lab runs on ${dataDir}: npm start -- --workers 3 --detach`);
  const power = { machine, off: () => lab.off(machine), on: () => lab.on(machine) };
  const say = (text: string): void => void process.stdout.write(`  ${text}\n`);
  const failed: string[] = [];
  for (const name of names) {
    const demo = known[name] as Demo;
    process.stdout.write(`${name}: ${demo.challenge}\n`);
    const begun = performance.now();
    const namespace = `${repertoire.noun}-${name.toLowerCase()}-${Math.floor(systemClock.now() / 1000) % 100_000}`;
    try {
      await perform(demo, { cluster: attach(dataDir), lab, namespace, power, say });
      say(`✓ ${((performance.now() - begun) / 1000).toFixed(1)} s`);
    } catch (error) {
      failed.push(name);
      say(`✗ ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  process.stdout.write(
    `${names.length - failed.length} of ${names.length} were kept${failed.map((name) => `, not ${name}`).join("")}\n`,
  );
  return failed.length === 0 ? 0 : 1;
}

function usage({ noun, all, slow = {} }: Repertoire): string {
  const lines = (demos: Readonly<Record<string, Demo>>): string =>
    Object.entries(demos)
      .map(([name, { challenge }]) => `    ${name.padEnd(24)} ${challenge}\n`)
      .join("");
  const named = Object.keys(slow).length === 0 ? "" : `Only by name:\n${lines(slow)}`;
  return `npm run ${noun}s [-- NAME…]   on a lab that runs; without a name all of these:\n${lines(all)}${named}Options: --data-dir DIR\n`;
}

function parse(all: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      options: { "data-dir": { type: "string" }, help: { type: "boolean" } },
      allowPositionals: true,
    });
    return { values, names: positionals.length > 0 ? positionals : all };
  } catch (cause) {
    throw new Failure((cause as Error).message.split(". To specify", 1)[0] ?? "", { cause });
  }
}
