// A daemon's other uses: what the same program does once, from its command line, and then ends: `store snapshot status FILE -w json`.
// It finds the command by its first words, reads its flags and its arguments, and says what it can do. It runs nothing.
import type { Clock, Random } from "@coxswain/clock";
import { UsageError } from "./errors.ts";
import { describeFlags, parseCommandLine } from "./flags.ts";
import type { FlagTable, FlagValues } from "./flags.ts";
import type { Logger } from "./logger.ts";

export interface CommandPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** To standard output, as it is. */
  readonly print: (text: string) => void;
}

export interface Command {
  /** What it is called by: "snapshot status". */
  readonly name: string;
  /** One sentence for `--help`. */
  readonly summary: string;
  /** The names of what it takes besides flags: ["FILE"]. A last one in the manner of "DIR..." takes one or more. */
  readonly takes: readonly string[];
  readonly flags: FlagTable;
  run(flags: unknown, given: readonly string[], ports: CommandPorts): Promise<void>;
}

/** Keeps the flags' types between the table and the function. */
export function defineCommand<const Table extends FlagTable>(command: {
  readonly name: string;
  readonly summary: string;
  readonly takes: readonly string[];
  readonly flags: Table;
  readonly run: (flags: FlagValues<Table>, given: readonly string[], ports: CommandPorts) => Promise<void>;
}): Command {
  return { ...command, run: (flags, given, ports) => command.run(flags as FlagValues<Table>, given, ports) };
}

export interface Invocation {
  readonly command: Command;
  readonly flags: unknown;
  readonly given: readonly string[];
}

/**
 * The command that the words in front of the flags ask for, with what it was given; undefined when there are none. Throws `UsageError`
 * for words that ask for nothing known and for too few or too many arguments.
 */
export function findCommand(
  commands: readonly Command[],
  common: FlagTable,
  argv: readonly string[],
): Invocation | undefined {
  if (commands.length === 0 || argv[0] === undefined || argv[0].startsWith("-")) return undefined;
  const command = commands.find(({ name }) => name.split(" ").every((word, position) => argv[position] === word));
  if (!command) {
    const known = commands.map(({ name }) => JSON.stringify(name)).join(", ");
    throw new UsageError(`unknown command ${JSON.stringify(argv[0])}: expected ${known}`);
  }
  const { flags, rest } = parseCommandLine({ ...command.flags, ...common }, argv.slice(command.name.split(" ").length));
  const open = command.takes.at(-1)?.endsWith("...") ?? false;
  if (rest.length < command.takes.length || (!open && rest.length > command.takes.length)) {
    throw new UsageError(
      `${JSON.stringify(command.name)} takes ${command.takes.join(" ") || "no arguments"}, found ${rest.length === 0 ? "none" : rest.join(" ")}`,
    );
  }
  return { command, flags, given: rest };
}

/** What `--help` says about one. */
export function describeCommand(daemon: string, command: Command, common: FlagTable): string {
  const usage = [daemon, command.name, ...command.takes, "[flags]"].join(" ");
  return `${command.summary}\n\nUsage: ${usage}\n\nFlags:\n${describeFlags({ ...command.flags, ...common })}\n`;
}

/** One command a line, for the daemon's own `--help`; nothing when there are none. */
export function describeCommands(commands: readonly Command[]): string {
  if (commands.length === 0) return "";
  const rows = commands.map(({ name, takes, summary }) => [[name, ...takes].join(" "), summary] as const);
  const width = Math.max(...rows.map(([left]) => left.length));
  return `\nCommands:\n${rows.map(([left, right]) => `  ${left.padEnd(width)}   ${right}`).join("\n")}\n`;
}
