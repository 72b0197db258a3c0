// `cox exec`: a command in a container, with our streams and its exit code.
import { bool, duration, filenameFlags, text } from "../args/common.ts";
import type { Args } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { CommandError } from "../failure.ts";
import { fromFiles, hasFiles } from "../resource/builder.ts";
import { defaultContainer, podsOf } from "../resource/pods-of.ts";
import type { PodLike } from "../resource/pods-of.ts";
import { runRemote } from "../resource/remote-command.ts";
import type { Session } from "../session.ts";

export const exec: Command = {
  usage: "exec (POD | TYPE/NAME) [-c CONTAINER] [flags] -- COMMAND [args...] [options]",
  summary: "Execute a command in a container",
  examples: `
# One command
cox exec mypod -- date

# A shell
cox exec mypod -c ruby-container -i -t -- bash -il

# In the first pod of a deployment
cox exec deploy/mydeployment -- date`,
  flags: {
    filename: filenameFlags["filename"]!,
    container: text(
      "Container name. If omitted, use the kubectl.kubernetes.io/default-container annotation or the first container in the pod.",
      { short: "c" },
    ),
    "pod-running-timeout": duration("The length of time to wait until at least one pod is running", {
      default: "1m0s",
    }),
    quiet: bool("Only print output from the remote session", { short: "q" }),
    stdin: bool("Pass stdin to the container", { short: "i" }),
    tty: bool("Stdin is a TTY", { short: "t" }),
  },
  run: async (session, args) => {
    const fromFile = hasFiles(args);
    const before = args.dashAt === undefined ? args.words.slice(0, 1) : args.words.slice(0, args.dashAt);
    const command = args.dashAt === undefined ? args.words.slice(fromFile ? 0 : 1) : args.words.slice(args.dashAt);
    if (before.length === 0 && !fromFile) throw new CommandError("pod, type/name or --filename must be specified");
    if (command.length === 0) throw new CommandError("you must specify at least one command for the container");
    if (args.dashAt === undefined || before.length > 1)
      throw new CommandError(
        "exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead\nSee 'cox exec -h' for help and examples",
      );
    const target = fromFile
      ? (await fromFiles(session, args)).map((info) => `${info.descriptor.resource}/${info.name}`)[0]
      : before[0];
    const [pod] = await podsOf(session, { target, selector: "", waitMs: args.duration("pod-running-timeout") });
    if (pod === undefined) throw new CommandError("no pod found");
    refuseFinished(pod, "exec into a container in a");
    await stream(session, args, pod, "exec", command);
  },
};

export function refuseFinished(pod: PodLike, doing: string): void {
  const phase = pod.status?.phase;
  if (phase === "Succeeded" || phase === "Failed")
    throw new CommandError(`cannot ${doing} completed pod; current phase is ${phase}`);
}

/** Streams of exec and attach: a terminal's keys one by one with -t, whole input with -i. */
export async function stream(
  session: Session,
  args: Args,
  pod: PodLike,
  verb: "exec" | "attach",
  command: readonly string[],
  named?: string,
): Promise<void> {
  const container =
    (named ?? args.text("container")) ||
    defaultContainer(args.flag("quiet") ? { err: { ...session.err, write: () => undefined } } : session, pod);
  const stdin = args.flag("stdin");
  // Without keys to hand over there is no terminal to be, as in kubectl.
  const tty = stdin && args.flag("tty") && session.input.isTerminal;
  if (stdin && args.flag("tty") && !session.input.isTerminal)
    session.err.write("Unable to use a TTY - input is not a terminal or the right kind of file\n");
  if (tty) session.input.setRaw(true);
  try {
    await runRemote(session, {
      path: `/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}/${verb}`,
      query: {
        command,
        container,
        stdin: stdin || undefined,
        stdout: true,
        stderr: tty ? undefined : true,
        tty: tty || undefined,
      },
      tty,
      stdin: stdin ? session.input.chunks : undefined,
      stdout: async (chunk) => {
        session.out.write(chunk);
        await session.out.drained();
      },
      stderr: async (chunk) => {
        session.err.write(chunk);
        await session.err.drained();
      },
      ...(tty && session.out.isTerminal ? { terminal: session.out, redraw: verb === "attach" } : {}),
    });
  } finally {
    if (tty) session.input.setRaw(false);
  }
}
