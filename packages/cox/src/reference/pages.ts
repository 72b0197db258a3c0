// Every command as a page for readers: the declarations that are parsed and that `--help` shows, walked from top to bottom. Formats nothing.
import { globalFlags } from "../args/common.ts";
import type { Flag, Flags } from "../args/flags.ts";
import type { Command, CommandEntry } from "../command.ts";
import { examplesOf } from "../examples.ts";
import { groups, yargsCommands } from "../commands.ts";
import { machineSummaries } from "../machine/summaries.ts";

export interface Page {
  /** "rollout undo". */
  readonly path: string;
  readonly aliases: readonly string[];
  readonly usage: string;
  readonly description: string;
  /** Lines; "# …" says what the next does. */
  readonly examples: readonly string[];
  readonly flags: readonly FlagLine[];
  readonly subcommands: readonly { readonly name: string; readonly summary: string }[];
}

export interface FlagLine {
  /** "-o, --output=''". */
  readonly name: string;
  readonly help: string;
}

export interface Reference {
  readonly groups: readonly { readonly title: string; readonly pages: readonly Page[] }[];
  readonly globalFlags: readonly FlagLine[];
  /** Commands with a help of their own, by name and a line each. */
  readonly elsewhere: readonly {
    readonly title: string;
    readonly commands: readonly { readonly name: string; readonly summary: string }[];
  }[];
}

export async function readReference(): Promise<Reference> {
  const pagesOf = async (entries: Readonly<Record<string, CommandEntry>>): Promise<readonly Page[]> =>
    (await Promise.all(Object.entries(entries).map(([name, entry]) => pages(name, entry)))).flat();
  return {
    groups: await Promise.all(groups.map(async ({ title, commands }) => ({ title, pages: await pagesOf(commands) }))),
    globalFlags: flagLines(globalFlags),
    elsewhere: [
      {
        title: "This machine and its cluster (docs/deploy.md)",
        commands: Object.entries(machineSummaries).map(([name, summary]) => ({ name, summary })),
      },
      {
        title: "Drills (docs/drills.md)",
        commands: Object.entries(yargsCommands).map(([name, { summary }]) => ({ name, summary })),
      },
    ],
  };
}

async function pages(path: string, entry: CommandEntry): Promise<readonly Page[]> {
  if (entry.hidden === true) return [];
  const command = await entry.load();
  const below = Object.entries(command.subcommands ?? {}).filter(([, each]) => each.hidden !== true);
  const own = pageOf(path, entry, command, below);
  return [own, ...(await Promise.all(below.map(([name, each]) => pages(`${path} ${name}`, each)))).flat()];
}

function pageOf(
  path: string,
  entry: CommandEntry,
  command: Command,
  below: readonly (readonly [string, CommandEntry])[],
): Page {
  const lines = examplesOf(path, command).split("\n");
  return {
    path,
    aliases: entry.aliases ?? [],
    usage: `cox ${command.usage}`,
    description: command.description ?? `${command.summary}.`,
    examples: lines.map((line) => line.trim()),
    flags: flagLines(command.flags),
    subcommands: below.map(([name, { summary }]) => ({ name: `${path} ${name}`, summary })),
  };
}

function flagLines(flags: Flags): readonly FlagLine[] {
  return Object.entries(flags)
    .filter(([, flag]) => flag.hidden !== true)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, flag]) => ({
      name: `${flag.short === undefined ? "" : `-${flag.short}, `}--${name}=${shownDefault(flag)}`,
      help: flag.help,
    }));
}

/** The default as it would be typed. */
export function shownDefault(flag: Flag): string {
  switch (flag.type) {
    case "bool":
      return flag.default ?? "false";
    case "number":
      return flag.default ?? "0";
    case "duration":
      return flag.default ?? "0s";
    case "text":
      return `'${flag.default ?? ""}'`;
    default:
      return `[${flag.default ?? ""}]`;
  }
}
