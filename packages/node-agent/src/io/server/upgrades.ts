// Connections that are taken over: exec, attach and port-forward. Which container or port is meant is decided here; how
// bytes travel is the stream protocols' business (`streams/`).
import type { IncomingMessage } from "node:http";
import type { Duplex, Readable, Writable } from "node:stream";
import type { Pod } from "@coxswain/api/core/v1";
import type { Clock } from "@coxswain/clock";
import type { ContainerRuntime, StreamSession } from "@coxswain/container-runtime";
import type { Logger } from "@coxswain/daemon";
import { messageOf } from "../../errors.ts";
import type { PodSet } from "../pods/pod-set.ts";
import { findAttempt } from "./logs.ts";
import { dialPort } from "./port-dialer.ts";
import { acceptCommand } from "./streams/command.ts";
import { servePortForward } from "./streams/port-forward.ts";
import type { PortConnection } from "./streams/port-forward.ts";
import type { CommandResult, CommandSession } from "./streams/session.ts";
import { parseTarget } from "./target.ts";
import type { StreamTarget } from "./target.ts";

export interface UpgradePorts {
  readonly runtime: ContainerRuntime;
  readonly podSet: PodSet;
  readonly clock: Clock;
  readonly log: Logger;
}

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
  const target = parseTarget(request.url ?? "");
  if (!target) return refuse(socket, 404, "there is no such stream");
  const pod = ports.podSet.byName(target.namespace, target.pod)?.pod();
  if (!pod) return refuse(socket, 404, `pod ${JSON.stringify(target.pod)} does not exist`);
  if (target.kind === "portForward")
    return servePortForward(request, socket, head, (port) => connectPort(ports, pod, port), ports.clock);

  const containerId = await findAttempt(ports.runtime, pod.metadata.uid ?? "", target.container, false);
  if (containerId === undefined)
    return refuse(socket, 404, `container not found (${JSON.stringify(target.container)})`);
  if ((await ports.runtime.inspect(containerId))?.state !== "running")
    return refuse(
      socket,
      400,
      `container ${JSON.stringify(target.container)} of pod ${JSON.stringify(target.pod)} does not run`,
    );
  const session = await acceptCommand(request, socket, head, target.streams, ports.clock);
  if (!session) return;
  await session.exit(await runCommand(ports.runtime, containerId, target, session));
}

async function runCommand(
  runtime: ContainerRuntime,
  containerId: string,
  target: CommandTarget,
  client: CommandSession,
): Promise<CommandResult> {
  let running: StreamSession;
  try {
    const { stdin, tty } = target.streams;
    running =
      target.kind === "exec"
        ? await runtime.exec(containerId, { command: target.command, stdin, tty })
        : await runtime.attach(containerId, { stdin, tty });
  } catch (error) {
    return { kind: "failed", message: messageOf(error) };
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
    return { kind: "exited", code };
  } catch (error) {
    return { kind: "failed", message: messageOf(error) };
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

async function connectPort(ports: UpgradePorts, pod: Pod, port: number): Promise<PortConnection> {
  const sandboxes = await ports.runtime.list({ podUid: pod.metadata.uid ?? "" });
  const running = sandboxes.find((summary) => summary.kind === "sandbox" && summary.state === "running");
  const pid = running ? ((await ports.runtime.inspect(running.id))?.pid ?? 0) : 0;
  if (pid === 0) throw new Error("the pod's network is not up");
  return dialPort(pid, port);
}

function refuse(socket: Duplex, status: 400 | 404, message: string): void {
  const reason = status === 404 ? "Not Found" : "Bad Request";
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(message)}\r\n\r\n${message}`,
  );
}
