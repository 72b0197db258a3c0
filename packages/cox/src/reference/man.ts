// The reference as man pages, one a command, in the macros of man(7). Reads and writes nothing.
import type { HelpPage } from "./elsewhere.ts";
import type { FlagLine, Page, Reference } from "./pages.ts";

/** Texts by their file names. */
export function manPages(reference: Reference, version: string): ReadonlyMap<string, string> {
  const all = reference.groups.flatMap(({ pages }) => pages);
  return new Map([
    ["cox.1", overview(reference, version)],
    ...all.map((page) => [`${nameOf(page.path)}.1`, manPage(page, version)] as const),
  ]);
}

/** Commands that are declared elsewhere: their help, line by line. */
export function helpManPages(pages: readonly HelpPage[], version: string): ReadonlyMap<string, string> {
  return new Map(
    pages.map(({ path, summary, text }) => [
      `${nameOf(path)}.1`,
      joined([
        head(nameOf(path), version),
        ".SH NAME",
        `${escaped(nameOf(path))} \\- ${escaped(summary)}`,
        ".SH DESCRIPTION",
        ".nf",
        escaped(text),
        ".fi",
        ".SH SEE ALSO",
        "\\fBcox\\fR(1)",
      ]),
    ]),
  );
}

const nameOf = (path: string): string => `cox-${path.replaceAll(" ", "-")}`;

function manPage(page: Page, version: string): string {
  const name = nameOf(page.path);
  return joined([
    head(name, version),
    ".SH NAME",
    `${escaped(name)} \\- ${escaped(firstSentence(page.description))}`,
    ".SH SYNOPSIS",
    escaped(page.usage),
    ".SH DESCRIPTION",
    escaped(page.description),
    ...(page.subcommands.length === 0 ? [] : [".SH COMMANDS"]),
    ...page.subcommands.flatMap(({ name: below, summary }) => [
      ".TP",
      `\\fB${escaped(nameOf(below))}\\fR(1)`,
      escaped(summary),
    ]),
    ...(page.flags.length === 0 ? [] : [".SH OPTIONS", ...flagsText(page.flags)]),
    ...(page.examples.join("") === "" ? [] : [".SH EXAMPLES", ".nf", ...page.examples.map(escaped), ".fi"]),
    ".SH SEE ALSO",
    "\\fBcox\\fR(1)",
  ]);
}

function overview({ groups, elsewhere, globalFlags }: Reference, version: string): string {
  return joined([
    head("cox", version),
    ".SH NAME",
    "cox \\- drives a Coxswain or Kubernetes cluster",
    ".SH SYNOPSIS",
    "cox [flags] COMMAND [options]",
    ...groups.flatMap(({ title, pages }) => [
      `.SH ${escaped(title.toUpperCase())}`,
      ...pages
        .filter(({ path }) => !path.includes(" "))
        .flatMap(({ path, description }) => [
          ".TP",
          `\\fB${escaped(nameOf(path))}\\fR(1)`,
          escaped(firstSentence(description)),
        ]),
    ]),
    ...elsewhere.flatMap(({ title, commands }) => [
      `.SH ${escaped(title.toUpperCase())}`,
      ...commands.flatMap(({ name, summary }) => [".TP", `\\fBcox ${escaped(name)}\\fR`, escaped(summary)]),
    ]),
    ".SH OPTIONS",
    ...flagsText(globalFlags),
  ]);
}

const head = (name: string, version: string): string =>
  `.TH ${escaped(name.toUpperCase())} 1 "" "cox ${version}" "cox"`;
const flagsText = (flags: readonly FlagLine[]): readonly string[] =>
  flags.flatMap(({ name, help }) => [".TP", `\\fB${escaped(name)}\\fR`, escaped(help)]);
const joined = (lines: readonly string[]): string => `${lines.join("\n")}\n`;
const firstSentence = (text: string): string => text.split(/[.:](?:\s|$)/, 1)[0] ?? text;

/** A line that begins with a dot or a quote would be a request; dashes stay dashes that can be copied; other signs than ASCII by their number. */
const escaped = (text: string): string =>
  text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^(?=[.'])/gm, "\\&")
    .replace(/[^\p{ASCII}]/gu, (sign) => `\\[u${sign.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")}]`);
