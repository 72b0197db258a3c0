// The reference as one Markdown page. Reads nothing.
import type { HelpPage } from "./elsewhere.ts";
import type { FlagLine, Page, Reference } from "./pages.ts";

export function referencePage(reference: Reference): string {
  const parts = [
    "# Reference of cox",
    "Made from the declarations that `cox COMMAND --help` shows, by `npm run reference`. What only cox has is shown at work in [cox.md](../cox.md).",
    ...reference.groups.flatMap(({ title, pages }) => [`## ${title}`, ...pages.map(section)]),
    ...reference.elsewhere.flatMap(({ title, commands }) => [
      `## ${title}`,
      "Their flags are in [cox-machines.md](cox-machines.md).",
      commands.map(({ name, summary }) => `- \`cox ${name}\`: ${summary}`).join("\n"),
    ]),
    "## Flags of every command",
    flagList(reference.globalFlags),
  ];
  return `${parts.join("\n\n")}\n`;
}

/** What `--help` says of the commands that are declared elsewhere. */
export function machinesPage(pages: readonly HelpPage[]): string {
  const parts = [
    "# Reference of cox: machines and drills",
    "What `cox COMMAND --help` says, by `npm run reference`. How machines become a cluster is told in [deploy.md](../deploy.md), drills in [drills.md](../drills.md).",
    ...pages.flatMap(({ path, text }) => [`## cox ${path}`, fenced(text)]),
  ];
  return `${parts.join("\n\n")}\n`;
}

function section(page: Page): string {
  return [
    `### cox ${page.path}`,
    page.description,
    fenced(page.usage),
    page.aliases.length === 0 ? "" : `Also: ${page.aliases.map((each) => `\`${each}\``).join(", ")}.`,
    page.subcommands.map(({ name, summary }) => `- \`cox ${name}\`: ${summary}`).join("\n"),
    page.examples.join("") === "" ? "" : fenced(page.examples.join("\n")),
    flagList(page.flags),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

const flagList = (flags: readonly FlagLine[]): string =>
  flags.map(({ name, help }) => `- \`${name}\`: ${help}`).join("\n");
const fenced = (text: string): string => `\`\`\`\n${text}\n\`\`\``;
