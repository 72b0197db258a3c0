// The reference as one Markdown page. Reads nothing.
import type { FlagLine, Page, Reference } from "./pages.ts";

export function referencePage(reference: Reference): string {
  const parts = [
    "# Reference of cox",
    "Made from the declarations that `cox COMMAND --help` shows, by `npm run reference`. What only cox has is shown at work in [cox.md](../cox.md).",
    ...reference.groups.flatMap(({ title, pages }) => [`## ${title}`, ...pages.map(section)]),
    ...reference.elsewhere.flatMap(({ title, commands }) => [
      `## ${title}`,
      "`cox COMMAND --help` tells the rest.",
      commands.map(({ name, summary }) => `- \`cox ${name}\`: ${summary}`).join("\n"),
    ]),
    "## Flags of every command",
    flagList(reference.globalFlags),
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
