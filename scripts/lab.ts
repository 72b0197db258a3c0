// `npm run lab -- VERB …`: several machines on this one, for people; the library is packages/lab.
import { resolve } from "node:path";
import { constants } from "node:os";
import { parseArgs } from "node:util";
import { systemClock } from "@coxswain/clock";
import { LabError, createLab, labDirectory } from "@coxswain/lab";
import type { Lab, LabMachine, Link } from "@coxswain/lab";
import { Failure, runScript } from "./cluster/failure.ts";
import { defaultDataDir, layoutOf } from "./cluster/layout.ts";

const usage = `npm run lab -- up [--machines 4]           make machines, or give power to those that are off
npm run lab -- down                        take everything away
npm run lab -- status                      what there is
npm run lab -- exec m1 -- COMMAND          run a command in a machine
npm run lab -- kill m1 PROCESS             kill -9 the processes whose command line contains PROCESS
npm run lab -- pause m1 | resume m1        stop a whole machine, let it go on
npm run lab -- partition m1 m2 [--one-way] drop what m1 sends to m2, and back
npm run lab -- cut m1:m2 m2:m3 ...         drop what m1 sends to m2 and m2 to m3, from the same moment on
npm run lab -- heal                        end all cuts
npm run lab -- off m1 | on m1              pull the plug, give power
npm run lab -- load IMAGES.tar             load images into all machines
Options: --data-dir DIR`;

await runScript(async () => {
  const { verb, words, command, values } = parse();
  if (verb === undefined || values.help) {
    process.stdout.write(`${usage}\n`);
    return verb === undefined && !values.help ? 1 : 0;
  }
  const dataDir = values["data-dir"] === undefined ? defaultDataDir : resolve(values["data-dir"]);
  const lab = createLab({ directory: await labDirectory(layoutOf(dataDir).labDir) }, { clock: systemClock });
  try {
    return await run(lab, verb, words, command, values);
  } catch (error) {
    if (error instanceof LabError) throw new Failure(error.message, { cause: error });
    throw error;
  }
});

type Values = ReturnType<typeof parse>["values"];

async function run(
  lab: Lab,
  verb: string,
  words: readonly string[],
  command: readonly string[],
  values: Values,
): Promise<number> {
  const [first = "", second = ""] = words;
  const expect = (count: number): void => {
    if (words.length !== count)
      throw new Failure(`${verb} takes ${count} arguments, found ${words.length}; see --help`);
  };
  switch (verb) {
    case "up": {
      expect(0);
      const startedAt = systemClock.monotonic();
      const machines = await lab.up(Number(values.machines ?? "3"));
      for (const { name, address, dockerSocket } of machines)
        process.stdout.write(`${name}  ${address}  unix://${dockerSocket}\n`);
      process.stdout.write(
        `${machines.length} machines are up after ${((systemClock.monotonic() - startedAt) / 1000).toFixed(1)} s\n`,
      );
      return 0;
    }
    case "down":
      expect(0);
      await lab.down();
      return 0;
    case "status": {
      expect(0);
      const machines = await lab.status();
      if (machines.length === 0) process.stdout.write("there is no lab\n");
      for (const { name, address, power, engine, cutFrom } of machines) {
        process.stdout.write(
          `${name}  ${address}  ${power}${engine ? "  docker" : ""}${cutFrom.length > 0 ? `  does not reach ${cutFrom.join(", ")}` : ""}\n`,
        );
      }
      return 0;
    }
    case "exec":
      expect(1);
      if (command.length === 0) throw new Failure("exec needs a command after --");
      return runInside(await machineNamed(lab, first), command);
    case "kill":
      expect(2);
      // The brackets keep the pattern from finding the command that looks for it.
      return runInside(await machineNamed(lab, first), [
        "pkill",
        "-KILL",
        "-f",
        `[${second.slice(0, 1)}]${second.slice(1)}`,
      ]);
    case "pause":
    case "resume":
    case "off":
    case "on":
      expect(1);
      await lab[verb](first);
      return 0;
    case "partition":
      expect(2);
      await lab.cut([
        { from: first, to: second },
        ...(values["one-way"] === true ? [] : [{ from: second, to: first }]),
      ]);
      return 0;
    case "cut":
      await lab.cut(words.map(linkOf));
      return 0;
    case "heal":
      expect(0);
      await lab.heal();
      return 0;
    case "load":
      expect(1);
      await lab.load(resolve(first));
      return 0;
    default:
      throw new Failure(`lab knows no ${JSON.stringify(verb)}; see --help`);
  }
}

function linkOf(word: string): Link {
  const [, from, to] = /^([^:]+):([^:]+)$/.exec(word) ?? [];
  if (from === undefined || to === undefined) throw new Failure(`a link is FROM:TO, found ${JSON.stringify(word)}`);
  return { from, to };
}

async function machineNamed(lab: Lab, name: string): Promise<LabMachine> {
  const machines = await lab.machines();
  const machine = machines.find((candidate) => candidate.name === name);
  if (!machine)
    throw new Failure(
      `there is no machine ${name}; there are ${machines.map((candidate) => candidate.name).join(", ") || "none"}`,
    );
  return machine;
}

function runInside(machine: LabMachine, [program = "", ...args]: readonly string[]): Promise<number> {
  return new Promise((settle, reject) => {
    const child = machine.spawn(program, args, { stdio: "inherit" });
    child.once("error", reject);
    child.once("exit", (code, signal) => settle(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}

function parse() {
  const argv = process.argv.slice(2);
  const end = argv.indexOf("--");
  try {
    const { values, positionals } = parseArgs({
      args: end < 0 ? argv : argv.slice(0, end),
      options: {
        machines: { type: "string" },
        "one-way": { type: "boolean" },
        "data-dir": { type: "string" },
        help: { type: "boolean" },
      },
      allowPositionals: true,
    });
    const [verb, ...words] = positionals;
    return { values, verb, words, command: end < 0 ? [] : argv.slice(end + 1) };
  } catch (cause) {
    throw new Failure((cause as Error).message.split(". To specify", 1)[0] ?? "", { cause });
  }
}
