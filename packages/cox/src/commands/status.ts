// `cox status`: the whole cluster on one screen, once or again and again.
import { bool, duration, text } from "../args/common.ts";
import type { Command } from "../command.ts";
import { CommandError } from "../failure.ts";
import { bold, green, red } from "../print/colour.ts";
import { createLive } from "../print/live.ts";
import type { Session } from "../session.ts";
import { readOverview } from "../status/overview.ts";
import { overviewScreen } from "../status/screen.ts";
import { storeFlags } from "../status/store.ts";
import { createFacts } from "../why/facts.ts";
import { schedulerFlag } from "./why.ts";

const wide = 200;

export const status: Command = {
  usage: "status [--watch] [options]",
  summary: "Show the whole cluster on one screen",
  description:
    "Shows the whole cluster on one screen: machines and what is asked of them, who leads the control plane, certificates, and what is in trouble and why.",
  examples: `
# Once
cox status

# Again and again, until Ctrl-C
cox status --watch`,
  flags: {
    output: text("Output format. One of: (json). Text without it.", { short: "o" }),
    watch: bool("Show it again and again, in the same place.", { short: "w" }),
    interval: duration("How long to wait between two looks.", { default: "2s" }),
    "scheduler-address": schedulerFlag,
    ...storeFlags,
  },
  run: async (session, args) => {
    const format = args.text("output");
    if (!["", "json"].includes(format))
      throw new CommandError(
        `unable to match a printer suitable for the output format "${format}", allowed formats are: json`,
      );
    if (args.words.length > 0) throw new CommandError(`status takes no arguments, and got ${args.words.join(" ")}`);
    const interval = args.duration("interval");
    if (interval < 100) throw new CommandError("--interval must be at least 100ms");
    const live = createLive(session);
    for (;;) {
      const facts = createFacts(session, args.text("scheduler-address"));
      const overview = await readOverview(session, facts, args);
      const shown =
        format === "json"
          ? `${JSON.stringify(overview, null, args.flag("watch") ? undefined : 2)}\n`
          : overviewScreen(overview, facts.now, session.out.isTerminal ? session.out.columns : wide, {
              bold: bold(session),
              red: red(session),
              green: green(session),
            });
      if (live !== undefined && args.flag("watch") && format === "") live.show(shown.trimEnd().split("\n"));
      else session.out.write(args.flag("watch") && format === "" ? `${shown}\n` : shown);
      if (!args.flag("watch")) return;
      await pause(session, interval);
    }
  },
};

/** Throws when the person has had enough. */
function pause({ clock, signal }: Session, ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    const stop = (): void => {
      timer.cancel();
      reject(new CommandError("interrupted"));
    };
    signal.addEventListener("abort", stop, { once: true });
  });
}
