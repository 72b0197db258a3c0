// `cox attach`: our streams to those of a container's first process.
import { bool, duration, filenameFlags, text } from "../args/common.ts";
import { UsageError } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { CommandError } from "../failure.ts";
import { podsOf } from "../resource/pods-of.ts";
import { refuseFinished, stream } from "./exec.ts";

export const attach: Command = {
  usage: "attach (POD | TYPE/NAME) -c CONTAINER [options]",
  summary: "Attach to a running container",
  examples: `
# What a container writes from now on
cox attach mypod

# With keys going there
cox attach mypod -c ruby-container -i -t`,
  flags: {
    filename: filenameFlags["filename"]!,
    container: text("Container name.", { short: "c" }),
    "pod-running-timeout": duration("The length of time to wait until at least one pod is running", {
      default: "1m0s",
    }),
    quiet: bool("Only print output from the remote session", { short: "q" }),
    stdin: bool("Pass stdin to the container", { short: "i" }),
    tty: bool("Stdin is a TTY", { short: "t" }),
  },
  run: async (session, args) => {
    if (args.words.length === 0) throw new CommandError("at least 1 argument is required for attach");
    if (args.words.length > 2)
      throw new UsageError(
        "expected POD, TYPE/NAME, or TYPE NAME, (at most 2 arguments) saw " +
          `${args.words.length}: [${args.words.join(" ")}]`,
      );
    const [pod] = await podsOf(session, {
      target: args.words.join("/"),
      selector: "",
      waitMs: args.duration("pod-running-timeout"),
    });
    if (pod === undefined) throw new CommandError("no pod found");
    refuseFinished(pod, "attach a container in a");
    if (!args.flag("quiet") && args.flag("tty"))
      session.err.write("If you don't see a command prompt, try pressing enter.\n");
    await stream(session, args, pod, "attach", []);
  },
};
