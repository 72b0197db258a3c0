// The commands that kubectl has not: yargs finds them, reads their flags and writes their help.
import yargs from "yargs";
import { parseArgs } from "./args/flags.ts";
import { globalFlags } from "./args/common.ts";
import { yargsCommands } from "./commands.ts";
import { CommandError } from "./failure.ts";
import { openSession } from "./open-session.ts";
import type { Host, WithSession } from "./session.ts";
import { coxVersion } from "./version.ts";

/** Throws a CommandError for an unknown flag; whatever a command throws passes through. */
export async function runYargs(argv: readonly string[], host: Host): Promise<number> {
  const withSession: WithSession = async (options, work) => {
    const given = Object.entries({ kubeconfig: options.kubeconfig, namespace: options.namespace }).flatMap(
      ([name, value]) => (value === undefined ? [] : [`--${name}=${value}`]),
    );
    await using session = openSession(parseArgs(globalFlags, given), host);
    await work(session);
  };
  let cli = yargs()
    .scriptName("cox")
    // All else is in English, too.
    .locale("en")
    .version(coxVersion)
    .help()
    .alias("help", "h")
    .strict()
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? new CommandError(message.split("\n", 1)[0]);
    });
  const name = argv.find((word) => yargsCommands[word] !== undefined) ?? "";
  const add = await yargsCommands[name]?.load();
  if (add) cli = add(cli, withSession);
  let help = "";
  await cli.parseAsync([...argv], {}, (_error: unknown, _parsed: unknown, output: string) => {
    help = output;
  });
  if (help !== "") host.out.write(`${help}\n`);
  return 0;
}
