// `cox logs`: what containers wrote; of one pod, of all pods behind a workload or a label, once or as it comes.
import { allNamespacesFlag, bool, duration, number, selectorFlag, text } from "../args/common.ts";
import { UsageError } from "../args/flags.ts";
import type { Args } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { CommandError, throwAll } from "../failure.ts";
import { isNotFound } from "../resource/api.ts";
import { linesOf } from "../resource/lines-of.ts";
import { defaultContainer, podsOf } from "../resource/pods-of.ts";
import type { LoggedLine } from "../resource/kept-logs.ts";
import type { PodLike } from "../resource/pods-of.ts";
import type { Session } from "../session.ts";

export const logs: Command = {
  usage: "logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER] [options]",
  summary: "Print the logs for a container in a pod",
  examples: `
# What a pod with one container wrote
cox logs nginx

# All containers of the pods with a label, each line with its place
cox logs -l app=nginx --all-containers --prefix

# What the container before the last restart wrote
cox logs -p -c ruby web-1

# Follow
cox logs -f -c ruby web-1

# Everything a deployment's pods wrote, merged by time, also those that are gone
cox logs --all-of deploy/web

# The same, and then what they write, also those that come
cox logs -f --all-of deploy/web`,
  flags: {
    ...selectorFlag,
    ...allNamespacesFlag,
    "all-of": text(
      "Print what all pods of this workload wrote, merged by time: every container and attempt that is kept, also of pods that are gone.",
    ),
    "all-containers": bool("Get all containers' logs in the pod(s)."),
    "all-pods": bool("Get logs from all pod(s). Sets prefix to true."),
    container: text("Print the logs of this container", { short: "c" }),
    follow: bool("Specify if the logs should be streamed.", { short: "f" }),
    "ignore-errors": bool("If watching / following pod logs, allow for any errors that occur to be non-fatal"),
    "insecure-skip-tls-verify-backend": bool(
      "Skip verifying the identity of the kubelet that logs are requested from.",
    ),
    "limit-bytes": number("Maximum bytes of logs to return. Defaults to no limit."),
    "max-log-requests": number(
      "Specify maximum number of concurrent logs to follow when using by a selector. Defaults to 5.",
      { default: "5" },
    ),
    "pod-running-timeout": duration("The length of time to wait until at least one pod is running", { default: "20s" }),
    prefix: bool("Prefix each log line with the log source (pod name and container name)"),
    previous: bool("If true, print the logs for the previous instance of the container in a pod if it exists.", {
      short: "p",
    }),
    since: duration("Only return logs newer than a relative duration like 5s, 2m, or 3h."),
    "since-time": text("Only return logs after a specific date (RFC3339)."),
    tail: number(
      "Lines of recent log file to display. Defaults to -1 with no selector, showing all log lines otherwise 10, if a selector is provided.",
      { default: "-1" },
    ),
    timestamps: bool("Include timestamps on each line in the log output"),
  },
  run: async (session, args) => {
    if (args.has("all-of")) return printAllOf(session, args);
    check(args);
    const selector = args.text("selector");
    const target = args.words[0];
    const found = await podsOf(session, {
      target,
      selector,
      allNamespaces: args.flag("all-namespaces"),
      waitMs: args.duration("pod-running-timeout"),
    }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
      throw new CommandError(
        `error: error from server (NotFound): ${(error as Error).message} in namespace "${session.namespace}"`,
        { cause: error },
      );
    });
    if (found.length === 0) {
      session.err.write(`No resources found in ${session.namespace} namespace.\n`);
      return;
    }
    const every = selector !== "" || args.flag("all-pods");
    const [first] = found;
    if (!every && found.length > 1 && first)
      session.err.write(`Found ${found.length} pods, using pod/${first.metadata.name}\n`);
    const sources = (every ? found : found.slice(0, 1)).flatMap((pod) => sourcesOf(session, args, pod));
    if (args.flag("follow") && sources.length > args.number("max-log-requests"))
      throw new CommandError(
        `you are attempting to follow ${sources.length} log streams, but maximum allowed concurrency is ${args.number("max-log-requests")}, use --max-log-requests to increase the limit`,
      );
    const errors: unknown[] = [];
    const print = async (source: Source): Promise<void> => {
      try {
        await printLog(session, args, source);
      } catch (error) {
        if (session.signal.aborted) throw error;
        if (!args.flag("ignore-errors")) throw error;
        session.err.write(`error: ${(error as Error).message}\n`);
      }
    };
    if (args.flag("follow")) await Promise.all(sources.map(print));
    else for (const source of sources) await print(source);
    throwAll(errors);
  },
};

async function printAllOf(session: Session, args: Args): Promise<void> {
  const { findWorkload, readKeptLogs } = await import("../resource/kept-logs.ts");
  const refused = [
    "previous",
    "selector",
    "all-namespaces",
    "limit-bytes",
    "prefix",
    "all-pods",
    "max-log-requests",
  ].find((name) => args.has(name));
  if (refused !== undefined) throw new CommandError(`--${refused} cannot be used with --all-of`);
  if (args.words.length > 0) throw new UsageError("--all-of names the workload; give no other name");
  if (args.has("since") && args.has("since-time"))
    throw new CommandError("at most one of `sinceTime` or `sinceSeconds` may be specified");
  const sinceMs = args.has("since")
    ? session.clock.now() - args.duration("since")
    : args.has("since-time")
      ? Date.parse(args.text("since-time"))
      : undefined;
  if (Number.isNaN(sinceMs))
    throw new CommandError(`cannot parse ${JSON.stringify(args.text("since-time"))} as a time (RFC 3339)`);
  const since = sinceMs === undefined ? undefined : new Date(sinceMs).toISOString();
  const container = args.text("container");
  const workload = await findWorkload(session, args.text("all-of"));
  const { lines, silent } = await readKeptLogs(session, workload, { container, since });
  for (const node of silent) session.err.write(`node ${node} does not say which logs it keeps\n`);
  const shown =
    args.number("tail") < 0 ? lines : lines.slice(lines.length - Math.min(lines.length, args.number("tail")));
  const tell = async ({ pod, container: from, time, text: line }: LoggedLine): Promise<void> => {
    session.out.write(`[pod/${pod}/${from}] ${args.flag("timestamps") ? `${time} ` : ""}${line}\n`);
    await session.out.drained();
  };
  for (const line of shown) await tell(line);
  if (args.flag("follow"))
    return (await import("../resource/follow-logs.ts")).followLogs(
      session,
      workload,
      { container, told: lines, since },
      tell,
    );
  if (shown.length === 0)
    session.err.write(`No logs of ${args.text("all-of")} are kept in ${session.namespace} namespace.\n`);
}

interface Source {
  readonly pod: PodLike;
  readonly container: string;
}

function check(args: Args): void {
  const selector = args.text("selector");
  if (args.words.length === 0 && selector === "")
    throw new UsageError(
      "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command",
    );
  if (args.words.length > 0 && selector !== "") throw new UsageError("only a selector (-l) or a POD name is allowed");
  if (args.words.length > 2)
    throw new UsageError(
      "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command",
    );
  if (args.has("since") && args.has("since-time"))
    throw new CommandError("at most one of `sinceTime` or `sinceSeconds` may be specified");
  if (args.has("tail") && args.number("tail") < -1)
    throw new CommandError("--tail must be greater than or equal to -1");
  if (args.has("limit-bytes") && args.number("limit-bytes") < 1)
    throw new CommandError("--limit-bytes must be greater than 0");
  if (args.flag("all-containers") && args.text("container") !== "")
    throw new CommandError(
      "--all-containers=true should not be specified with container name " + args.text("container"),
    );
}

function sourcesOf(session: Session, args: Args, pod: PodLike): Source[] {
  if (args.flag("all-containers")) {
    const { initContainers = [], containers, ephemeralContainers = [] } = pod.spec;
    return [...initContainers, ...containers, ...ephemeralContainers].map(({ name }) => ({ pod, container: name }));
  }
  const container = args.text("container") || args.words[1] || defaultContainer(session, pod);
  const known = [...pod.spec.containers, ...(pod.spec.initContainers ?? []), ...(pod.spec.ephemeralContainers ?? [])];
  if (!known.some(({ name }) => name === container))
    throw new CommandError(`container ${container} is not valid for pod ${pod.metadata.name}`);
  return [{ pod, container }];
}

async function printLog(session: Session, args: Args, { pod, container }: Source): Promise<void> {
  const prefix = args.flag("prefix") || args.flag("all-pods") ? `[pod/${pod.metadata.name}/${container}] ` : "";
  const tail = args.has("tail") ? args.number("tail") : args.text("selector") !== "" ? 10 : -1;
  const { body } = await session.client.stream({
    method: "GET",
    path: `/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}/log`,
    query: {
      container,
      follow: args.flag("follow") || undefined,
      previous: args.flag("previous") || undefined,
      timestamps: args.flag("timestamps") || undefined,
      tailLines: tail < 0 ? undefined : tail,
      limitBytes: args.has("limit-bytes") ? args.number("limit-bytes") : undefined,
      sinceSeconds: args.has("since") ? Math.ceil(args.duration("since") / 1000) : undefined,
      sinceTime: args.text("since-time"),
      insecureSkipTLSVerifyBackend: args.flag("insecure-skip-tls-verify-backend") || undefined,
    },
    accept: "*/*",
    signal: session.signal,
  });
  if (prefix === "") {
    for await (const chunk of body) {
      session.out.write(chunk);
      await session.out.drained();
    }
    return;
  }
  for await (const lines of linesOf(body)) {
    session.out.write(Buffer.concat(lines.flatMap((line) => [Buffer.from(prefix), line])));
    await session.out.drained();
  }
}
