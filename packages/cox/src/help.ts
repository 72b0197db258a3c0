// Help for people: the list of commands, and one command's page, made from the same declarations that are parsed.
import type { Flags } from "./args/flags.ts";
import type { Command } from "./command.ts";
import { examplesOf } from "./examples.ts";
import { groups, yargsCommands } from "./commands.ts";
import { machineSummaries } from "./machine/summaries.ts";
import { shownDefault } from "./reference/pages.ts";

export function overallHelp(): string {
  const list = (
    commands: Readonly<Record<string, { readonly summary: string; readonly hidden?: boolean }>>,
  ): string => {
    const shown = Object.entries(commands).filter(([, each]) => each.hidden !== true);
    const width = Math.max(...shown.map(([name]) => name.length));
    return shown.map(([name, { summary }]) => `  ${name.padEnd(width)}   ${summary}\n`).join("");
  };
  const own = Object.keys(yargsCommands).length === 0 ? "" : `Only cox has:\n${list(yargsCommands)}\n`;
  const machine = list(
    Object.fromEntries(Object.entries(machineSummaries).map(([name, summary]) => [name, { summary }])),
  );
  return `cox drives a Coxswain or Kubernetes cluster.\n\n${own}This machine and its cluster:\n${machine}\n${groups.map(({ title, commands }) => `${title}:\n${list(commands)}\n`).join("")}Usage:
  cox [flags] [options]

Use "cox <command> --help" for more information about a given command.
Use "cox options" for a list of global command-line options (applies to all commands).
`;
}

export function commandHelp(command: Command, path: string): string {
  const subcommands = Object.entries(command.subcommands ?? {});
  const examples = examplesOf(path, command);
  const width = Math.max(0, ...subcommands.map(([name]) => name.length));
  const parts = [
    `${command.description ?? `${command.summary}.`}\n`,
    examples === "" ? "" : `Examples:\n${indent(examples)}\n`,
    subcommands.length === 0
      ? ""
      : `Available Commands:\n${subcommands.map(([name, { summary }]) => `  ${name.padEnd(width)}   ${summary}\n`).join("")}`,
    Object.keys(command.flags).length === 0 ? "" : `Options:\n${flagHelp(command.flags)}`,
    `Usage:\n  cox ${command.usage}\n`,
    subcommands.length > 0 ? `Use "cox ${path} <command> --help" for more information about a given command.\n` : "",
    'Use "cox options" for a list of global command-line options (applies to all commands).\n',
  ];
  return parts.filter((part) => part !== "").join("\n");
}

/** "    -o, --output='':\n\tOutput format …", as kubectl lays it out. */
export function flagHelp(flags: Flags): string {
  return Object.entries(flags)
    .filter(([, flag]) => flag.hidden !== true)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, flag]) => {
      const short = flag.short === undefined ? "    " : `-${flag.short}, `;
      return `    ${short}--${name}=${shownDefault(flag)}:\n\t${flag.help}\n`;
    })
    .join("\n");
}

const indent = (text: string): string =>
  text
    .trim()
    .split("\n")
    .map((line) => (line === "" ? "" : `  ${line.trim()}`))
    .join("\n");
