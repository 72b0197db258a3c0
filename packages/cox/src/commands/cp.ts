// `cox cp`: files and directories to and from containers, by the tar program there.
import { bool, number, text } from "../args/common.ts";
import type { Args } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { CommandError, ExitError } from "../failure.ts";
import { getObject } from "../resource/api.ts";
import { defaultContainer } from "../resource/pods-of.ts";
import type { PodLike } from "../resource/pods-of.ts";
import { runRemote } from "../resource/remote-command.ts";
import { withProgress } from "../print/progress.ts";
import type { Session } from "../session.ts";

export const cp: Command = {
  usage: "cp <file-spec-src> <file-spec-dest> [options]",
  summary: "Copy files and directories to and from containers",
  description:
    "Copies files and directories to and from containers. The container must have the program tar. Symbolic links that come from a container are left out.",
  examples: `
# A directory to a pod
cox cp /tmp/site web-1:/srv/site

# A file from a container of a pod in another namespace
cox cp shop/web-1:/var/log/app.log ./app.log -c app`,
  flags: {
    container: text("Container name.", { short: "c" }),
    "no-preserve": bool("The copied file/directory's ownership and permissions will not be preserved in the container"),
    retries: number(
      "Set number of retries to complete a copy operation from a container. 0 disables retrying, and any negative value retries without end.",
    ),
  },
  run: async (session, args) => {
    if (args.words.length !== 2) throw new CommandError("source and destination are required");
    const [source, target] = args.words.map((word) => parseSpec(word)) as [Spec, Spec];
    if (source.pod !== undefined && target.pod !== undefined)
      throw new CommandError("one of src or dest must be a local file specification");
    if (source.path === "" || target.path === "") throw new CommandError("filepath can not be empty");
    if (source.pod !== undefined) return fromPod(session, args, source, target.path);
    if (target.pod !== undefined) return toPod(session, args, source.path, target);
    throw new CommandError("one of src or dest must be a remote file specification");
  },
};

interface Spec {
  readonly namespace: string | undefined;
  readonly pod: string | undefined;
  readonly path: string;
}

/** "[[NAMESPACE/]POD:]PATH". */
export function parseSpec(text: string): Spec {
  const colon = text.indexOf(":");
  if (colon === 0) throw new CommandError("filespec must match the canonical format: [[namespace/]pod:]file/path");
  if (colon < 0) return { namespace: undefined, pod: undefined, path: text };
  const [first = "", second, ...more] = text.slice(0, colon).split("/");
  if (more.length > 0 || first === "")
    throw new CommandError("filespec must match the canonical format: [[namespace/]pod:]file/path");
  return {
    namespace: second === undefined ? undefined : first,
    pod: second ?? first,
    path: text.slice(colon + 1),
  };
}

interface Remote {
  readonly path: string;
  readonly container: string;
}

async function remoteOf(
  session: Session,
  args: Args,
  { namespace = session.namespace, pod = "" }: Spec,
): Promise<Remote> {
  const found = (await getObject(session, await (await session.mapper()).find("pods"), namespace, pod)) as PodLike;
  if (["Succeeded", "Failed"].includes(found.status?.phase ?? ""))
    throw new CommandError(`cannot exec into a container in a completed pod; current phase is ${found.status?.phase}`);
  return {
    path: `/api/v1/namespaces/${namespace}/pods/${pod}/exec`,
    container: args.text("container") || defaultContainer(session, found),
  };
}

interface Streams {
  readonly stdin?: AsyncIterable<Uint8Array>;
  stdout?(chunk: Uint8Array): void | Promise<void>;
  readonly quiet?: boolean;
}

function runThere(
  session: Session,
  { path, container }: Remote,
  command: readonly string[],
  streams: Streams,
): Promise<void> {
  return runRemote(session, {
    path,
    query: { command, container, stdin: streams.stdin === undefined ? undefined : true, stdout: true, stderr: true },
    tty: false,
    stdin: streams.stdin,
    stdout: (chunk) => streams.stdout?.(chunk),
    stderr: (chunk) => {
      if (streams.quiet !== true) session.err.write(chunk);
    },
  });
}

async function toPod(session: Session, args: Args, local: string, target: Spec): Promise<void> {
  const { packTree, exists, baseName, directoryOf } = await import("../resource/archives.ts");
  if (!(await exists(local))) throw new CommandError(`${local} doesn't exist in local filesystem`);
  const remote = await remoteOf(session, args, target);
  const path = target.path.length > 1 ? target.path.replace(/\/+$/, "") : target.path;
  const isDirectory = await runThere(session, remote, ["test", "-d", path], { quiet: true }).then(
    () => true,
    (error: unknown) => {
      if (error instanceof ExitError) return false;
      throw error;
    },
  );
  const full = isDirectory ? `${path === "/" ? "" : path}/${baseName(local)}` : path;
  const ownership = args.flag("no-preserve") ? ["--no-same-permissions", "--no-same-owner"] : [];
  const directory = directoryOf(full);
  let sent = 0;
  await withProgress(
    session,
    () => `copied ${amountText(sent)}`,
    (busy) =>
      runThere(busy, remote, ["tar", ...ownership, "-xmf", "-", ...(directory === "" ? [] : ["-C", directory])], {
        stdin: counted(packTree(local, baseName(full)), (bytes) => (sent += bytes)),
        stdout: (chunk) => busy.out.write(chunk),
      }),
  );
}

async function* counted(chunks: AsyncIterable<Uint8Array>, count: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    count(chunk.length);
    yield chunk;
  }
}

const amountText = (bytes: number): string =>
  bytes < 1024 ** 2 ? `${Math.round(bytes / 1024)} KiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`;

async function fromPod(session: Session, args: Args, source: Spec, local: string): Promise<void> {
  const { createUnpacker, exists, isDirectory, baseName, inside } = await import("../resource/archives.ts");
  const remote = await remoteOf(session, args, source);
  const target = (await exists(local)) && (await isDirectory(local)) ? inside(local, baseName(source.path)) : local;
  const retries = args.number("retries");
  for (let tried = 0; ; tried += 1) {
    const unpacker = createUnpacker(source.path, target, (warning) => session.err.write(`warning: ${warning}\n`));
    try {
      let come = 0;
      await withProgress(
        session,
        () => `copied ${amountText(come)}`,
        (busy) =>
          runThere(busy, remote, ["tar", "cf", "-", source.path], {
            stdout: (chunk) => {
              come += chunk.length;
              return unpacker.write(chunk);
            },
          }),
      );
      await unpacker.end();
      return;
    } catch (error) {
      unpacker.abandon();
      // What tar itself refused stays refused; a torn connection may be tried again.
      if (error instanceof ExitError || session.signal.aborted || (retries >= 0 && tried >= retries)) throw error;
      session.err.write(`Resuming copy after: ${(error as Error).message}\n`);
    }
  }
}
