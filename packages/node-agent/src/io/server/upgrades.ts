// Connections that are taken over: exec, attach and port-forward. Which container or port is meant is decided here; how
// bytes travel is the stream protocols' business (`streams/`).
import type { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Duplex, Readable, Writable } from "node:stream";
import type { Pod } from "@coxswain/api/core/v1";
import type { Clock } from "@coxswain/clock";
import type { ContainerRuntime, StreamSession } from "@coxswain/container-runtime";
import type { Logger } from "@coxswain/daemon";
import { allContainersOf } from "../../core/pod/lifecycle.ts";
import { messageOf } from "../../errors.ts";
import type { PodSet } from "../pods/pod-set.ts";
import { findAttempt } from "./logs.ts";
import { createPortDialer } from "./port-dialer.ts";
import type { PortDialer } from "./port-dialer.ts";
import { acceptCommand, readsFailuresFromStream } from "./streams/command.ts";
import { offersPortChannels, servePortForward } from "./streams/port-forward.ts";
import type { CommandResult, CommandSession } from "./streams/session.ts";
import { parseTarget } from "./target.ts";
import type { StreamTarget } from "./target.ts";

export interface UpgradePorts {
  readonly runtime: ContainerRuntime;
  readonly podSet: PodSet;
  readonly clock: Clock;
  readonly log: Logger;
}

const keepAliveMs = 30_000;

type CommandTarget = Exclude<StreamTarget, { readonly kind: "portForward" }>;

export function createUpgrades(ports: UpgradePorts): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  return (request, socket, head) => {
    serve(ports, request, socket, head).catch((error: unknown) => {
      ports.log.warn({ err: messageOf(error), path: request.url?.split("?")[0] }, "a stream ended with an error");
      socket.destroy();
    });
  };
}

async function serve(ports: UpgradePorts, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  // A client that leaves in the middle is no fault of ours; the protocols tell whoever waits.
  socket.on("error", () => socket.destroy());
  // A machine that dies says nothing, and a command may be silent for hours.
  if (socket instanceof Socket) socket.setNoDelay(true).setKeepAlive(true, keepAliveMs);
  const target = parseTarget(request.url ?? "");
  if (!target) return refuse(socket, 404, "there is no such stream");
  const pod = ports.podSet.byName(target.namespace, target.pod)?.pod();
  if (!pod) return refuse(socket, 404, "pod does not exist");
  if (target.kind === "portForward") return forwardPorts(ports, request, socket, head, pod, target.ports);

  const attempt = await findAttempt(ports.runtime, pod.metadata.uid ?? "", target.container, 0);
  const containerId = "id" in attempt ? attempt.id : undefined;
  const found = containerId !== undefined && (await ports.runtime.inspect(containerId))?.state === "running";
  const absence = `container not found (${JSON.stringify(target.container)})`;
  if (!found && !readsFailuresFromStream(request)) return refuse(socket, 500, absence);
  // A container's own terminal decides how the bytes of an attach come.
  const terminal =
    target.kind === "attach" && allContainersOf(pod).some(({ name, tty }) => name === target.container && tty);
  const streams = terminal ? { ...target.streams, tty: true, stderr: false } : target.streams;
  const session = await acceptCommand(request, socket, head, streams, ports.clock);
  if (!session) return;
  await session.exit(
    found
      ? await runCommand(ports.runtime, containerId, { ...target, streams }, session)
      : { kind: "failed", message: `unable to upgrade connection: ${absence}` },
  );
}

async function forwardPorts(
  ports: UpgradePorts,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  pod: Pod,
  numbers: readonly number[],
): Promise<void> {
  if (numbers.length === 0 && offersPortChannels(request))
    return refuse(socket, 400, 'query parameter "port" is required');
  const { name, uid = "" } = pod.metadata;
  let dialer: Promise<PortDialer> | undefined;
  const connect = async (port: number) => (await (dialer ??= dialerOf(ports.runtime, uid))).dial(port);
  try {
    await servePortForward(request, socket, head, { name, uid, ports: numbers }, connect, ports.clock);
  } finally {
    // Whether it could be made has been told to whoever asked for a connection.
    dialer?.then((made) => made.close()).catch(() => undefined);
  }
}

async function dialerOf(runtime: ContainerRuntime, podUid: string): Promise<PortDialer> {
  const sandboxes = await runtime.list({ podUid });
  const running = sandboxes.find((summary) => summary.kind === "sandbox" && summary.state === "running");
  const pid = running ? ((await runtime.inspect(running.id))?.pid ?? 0) : 0;
  if (pid === 0) throw new Error("the pod's network is not up");
  return createPortDialer(pid);
}

async function runCommand(
  runtime: ContainerRuntime,
  containerId: string,
  target: CommandTarget,
  client: CommandSession,
): Promise<CommandResult> {
  const failed = (error: unknown): CommandResult => ({
    kind: "failed",
    message: `${target.kind === "exec" ? "error executing command in container" : "error attaching to container"}: ${messageOf(error)}`,
  });
  let running: StreamSession;
  try {
    const { stdin, tty } = target.streams;
    running =
      target.kind === "exec"
        ? await runtime.exec(containerId, { command: target.command, stdin, tty })
        : await runtime.attach(containerId, { stdin, tty });
  } catch (error) {
    return failed(error);
  }
  const leave = (): void => running.close();
  client.closed.addEventListener("abort", leave, { once: true });
  if (client.closed.aborted) leave();
  try {
    if (client.stdin && running.stdin) feed(client.stdin, running.stdin);
    void followSizes(client, running).catch(() => undefined);
    await Promise.all([
      copy(running.stdout, client.stdout),
      running.stderr ? copy(running.stderr, client.stderr) : undefined,
    ]);
    const code = await running.exitCode;
    // Who was only attached has succeeded; how the container ended stands in the pod's status.
    return { kind: "exited", code: target.kind === "exec" ? code : 0 };
  } catch (error) {
    return failed(error);
  } finally {
    client.closed.removeEventListener("abort", leave);
    running.close();
  }
}

/** Input flows beside the rest: the command may end without having read it. */
function feed(from: Readable, to: Writable): void {
  from.on("error", () => to.end());
  to.on("error", () => from.resume());
  from.pipe(to);
}

/** Resolves when all of the output has been handed over; output that nobody wants is read away. */
function copy(from: Readable, to: Writable | undefined): Promise<void> {
  return new Promise((resolve) => {
    from
      .once("end", resolve)
      .once("close", resolve)
      .once("error", () => resolve());
    if (!to) {
      from.resume();
      return;
    }
    // The client has gone: the rest is read away, so that the command is not held up before it is cut.
    to.on("error", () => from.resume());
    from.pipe(to, { end: false });
  });
}

async function followSizes(client: CommandSession, process: StreamSession): Promise<void> {
  for await (const { width, height } of client.resize) {
    if (client.closed.aborted) return;
    // A process that has just ended has no terminal any more.
    await process.resize(width, height).catch(() => undefined);
  }
}

const reasons = { 400: "Bad Request", 404: "Not Found", 500: "Internal Server Error" } as const;

function refuse(socket: Duplex, status: keyof typeof reasons, message: string): void {
  socket.end(
    `HTTP/1.1 ${status} ${reasons[status]}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(message)}\r\n\r\n${message}`,
  );
}
