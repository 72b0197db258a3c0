// The command line as a value: every command once, in the order of `--help`. It reads neither argv nor environment.
import yargs from "yargs";
import type { Argv } from "yargs";
import { addApply } from "./commands/apply.ts";
import { addDelete } from "./commands/delete.ts";
import { addGet } from "./commands/get.ts";
import { addLogs } from "./commands/logs.ts";
import { addScale } from "./commands/scale.ts";
import { addVersion } from "./commands/version.ts";
import { CommandError } from "./failure.ts";
import type { WithSession } from "./session.ts";
import { coxVersion } from "./version.ts";

const commands = [addGet, addApply, addDelete, addScale, addLogs, addVersion] as const;

/** Throws `CommandError` for an unknown command or flag; whatever a command throws passes through. */
export function createCli(withSession: WithSession): Argv {
  const cli = yargs()
    .scriptName("cox")
    .usage("cox drives a Coxswain or Kubernetes cluster.\n\nUsage: $0 COMMAND [options]")
    .version(coxVersion)
    .help()
    .alias("help", "h")
    .strict()
    .demandCommand(1, "which command? `cox --help` lists them")
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? new CommandError(message.split("\n", 1)[0]);
    });
  return commands.reduce((built, add) => add(built, withSession), cli);
}
