// One run of the command line, as a function of argv and a machine: finds the command, reads its flags, runs it, says what went wrong.
// It touches neither process nor terminal itself.
import { nearest } from "@coxswain/apimachinery";
import { globalFlags } from "./args/common.ts";
import { Args, parseArgs, UsageError } from "./args/flags.ts";
import type { Flags } from "./args/flags.ts";
import type { Command } from "./command.ts";
import { commandNames, findCommand, yargsCommands } from "./commands.ts";
import { CommandError, describeFailure, ExitError, exitCodeOf } from "./failure.ts";
import { isMachineCommand } from "./machine/summaries.ts";
import { openSession } from "./open-session.ts";
import type { Host } from "./session.ts";

/** Answers the exit code; throws nothing. */
export async function runCox(argv: readonly string[], host: Host): Promise<number> {
  try {
    return await dispatch(argv, host);
  } catch (error) {
    if (host.signal.aborted) return 130;
    const text = describeFailure(error);
    if (text !== "") host.err.write(text.endsWith("\n") ? text : `${text}\n`);
    return exitCodeOf(error);
  }
}

async function dispatch(argv: readonly string[], host: Host): Promise<number> {
  if (argv[0] === "__complete") {
    const { complete } = await import("./complete.ts");
    host.out.write((await complete(argv.slice(1), host)).map((each) => `${each}\n`).join(""));
    return 0;
  }
  const { flags: leading, name, rest } = splitCommand(argv);
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    const { overallHelp } = await import("./help.ts");
    const topic = name === "help" ? rest[0] : undefined;
    if (topic === undefined) {
      host.out.write(overallHelp());
      return 0;
    }
    return dispatch([...rest, "--help"], host);
  }
  if (name === "--version") return dispatch(["version", "--client"], host);
  if (name === "options") {
    const { flagHelp } = await import("./help.ts");
    host.out.write(`The following options can be passed to any command:\n\n${flagHelp(globalFlags)}`);
    return 0;
  }
  if (isMachineCommand(name)) {
    const { runMachineCommand } = await import("./machine/commands.ts");
    const { env, clock, random, signal } = host;
    return runMachineCommand(argv, { env, clock, random, signal, write: (text) => host.out.write(text) });
  }
  if (yargsCommands[name] !== undefined) {
    const { runYargs } = await import("./yargs-cli.ts");
    return runYargs(argv, host);
  }
  const entry = findCommand(name);
  if (entry === undefined) {
    const { runPlugin } = await import("./plugins.ts");
    const code = await runPlugin([name, ...rest], host);
    if (code !== undefined) return code;
    throw unknownCommand(name, commandNames());
  }
  return runCommand(await entry.load(), name, [...leading, ...rest], host);
}

/** Steps down subcommands, then reads the flags of the one that was meant. */
async function runCommand(command: Command, path: string, argv: readonly string[], host: Host): Promise<number> {
  const subcommands = command.subcommands ?? {};
  const { flags: leading, name, rest } = splitCommand(argv);
  const found = Object.entries(subcommands).find(
    ([key, each]) => name !== undefined && (key === name || each.aliases?.includes(name) === true),
  );
  if (found !== undefined) return runCommand(await found[1].load(), `${path} ${found[0]}`, [...leading, ...rest], host);
  const flags: Flags = { ...globalFlags, ...command.flags };
  const args = readArgs(flags, argv, path);
  if (args.flag("help") || command.run === undefined) {
    if (!args.flag("help") && args.words.length > 0) {
      if (args.words[0] !== undefined && Object.keys(subcommands).length > 0)
        throw unknownSubcommand(args.words[0], path, Object.keys(subcommands));
    }
    const { commandHelp } = await import("./help.ts");
    // Asked for, it is an answer; a command that says nothing by itself was not ended.
    const asked = args.flag("help");
    (asked ? host.out : host.err).write(commandHelp(command, path));
    return asked ? 0 : 1;
  }
  await using session = openSession(args, host, command.flags);
  try {
    await command.run(session, args);
  } catch (error) {
    if (error instanceof UsageError)
      throw new CommandError(`error: ${error.message}\nSee 'cox ${path} -h' for help and examples`, { cause: error });
    const { guessAfter } = await import("./guess.ts");
    const guess = host.signal.aborted ? "" : await guessAfter(error, session);
    if (guess === "") throw error;
    throw new ExitError(exitCodeOf(error), `${describeFailure(error)}\n${guess}`);
  }
  return 0;
}

function readArgs(flags: Flags, argv: readonly string[], path: string): Args {
  try {
    return parseArgs(flags, argv);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const guess = error.guess === undefined ? "" : `\n\nDid you mean this?\n\t--${error.guess}\n`;
    throw new CommandError(`Error: ${error.message}\nSee 'cox ${path} --help' for usage.${guess}`, { cause: error });
  }
}

function unknownSubcommand(name: string, path: string, known: readonly string[]): CommandError {
  const guess = nearest(name, known);
  const hint = guess === undefined ? "" : `\n\nDid you mean this?\n\t${guess}\n`;
  return new CommandError(`error: unknown command "${name}"\nSee 'cox ${path} -h' for help and examples${hint}`);
}

function unknownCommand(name: string, known: readonly string[]): CommandError {
  const guess = nearest(name, known);
  const hint = guess === undefined ? "" : `\n\nDid you mean this?\n\t${guess}\n`;
  return new CommandError(`error: unknown command "${name}" for "cox"${hint}`);
}

/** The first word that is no flag, and what stood around it: "-n x get pods" is "get". */
function splitCommand(argv: readonly string[]): {
  readonly flags: readonly string[];
  readonly name: string | undefined;
  readonly rest: readonly string[];
} {
  for (let at = 0; at < argv.length; at += 1) {
    const word = argv[at] ?? "";
    if (word === "--") break;
    if (!word.startsWith("-") || word === "--help" || word === "-h" || word === "--version") {
      if (word.startsWith("-") && at > 0) continue;
      return { flags: argv.slice(0, at), name: word, rest: argv.slice(at + 1) };
    }
    if (word.includes("=")) continue;
    const flag = word.startsWith("--")
      ? globalFlags[word.slice(2)]
      : word.length === 2
        ? Object.values(globalFlags).find((each) => each.short === word[1])
        : undefined;
    if (flag !== undefined && flag.type !== "bool" && flag.bare === undefined) at += 1;
  }
  return { flags: argv, name: undefined, rest: [] };
}
