// `cox plugin list`: programs on PATH that extend cox.
import { bool } from "../args/common.ts";
import type { Command } from "../command.ts";
import { CommandError } from "../failure.ts";
import { listPlugins } from "../plugins.ts";

const list: Command = {
  usage: "plugin list [options]",
  summary: "List all visible plugin executables on a user's PATH",
  flags: { "name-only": bool("If true, display only the binary name of each plugin, rather than its full path") },
  run: async (session, args) => {
    const found = listPlugins(session);
    if (found.length === 0) throw new CommandError("unable to find any cox or kubectl plugins in your PATH");
    session.out.write("The following compatible plugins are available:\n\n");
    for (const { path, executable } of found) {
      session.out.write(`${args.flag("name-only") ? path.split("/").at(-1) : path}\n`);
      if (!executable) session.err.write(`  - warning: ${path} identified as a cox plugin, but it is not executable\n`);
    }
    await Promise.resolve();
  },
};

export const plugin: Command = {
  usage: "plugin [flags]",
  summary: "Provides utilities for interacting with plugins",
  description: "Plugins are programs on PATH named cox-NAME or kubectl-NAME; `cox NAME` runs them.",
  flags: {},
  subcommands: { list: { summary: list.summary, load: () => Promise.resolve(list) } },
};
