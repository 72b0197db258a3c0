// Exec and attach: connections that last. Taken over raw, since only so can standard input end while the output
// goes on.
import type { Duplex } from "node:stream";
import type { Clock } from "@coxswain/clock";
import { RuntimeError } from "../errors.ts";
import type { AttachRequest, ExecRequest, StreamSession } from "../runtime.ts";
import { ask } from "./engine.ts";
import type { Engine } from "./engine.ts";
import { splitFrames } from "./frames.ts";

/** The engine publishes an exec's exit code a moment after its output has ended. */
const exitPollMs = 5;
/** The engine swallows Ctrl-P in terminals, to wait for its own keys for leaving. Kubernetes knows none: these nobody types. */
const neverTyped = "ctrl-^,ctrl-],ctrl-^,ctrl-],ctrl-^";
const exitPolls = 400;

export async function execIn(
  engine: Engine,
  clock: Clock,
  containerId: string,
  request: ExecRequest,
): Promise<StreamSession> {
  const options = {
    AttachStdin: request.stdin,
    AttachStdout: true,
    AttachStderr: !request.tty,
    Tty: request.tty,
    Cmd: [...request.command],
    ...(request.tty ? { DetachKeys: neverTyped } : {}),
  };
  const exec = await ask(engine.short.getContainer(containerId).exec(options));
  const socket: Duplex = await ask(
    engine.long.getExec(exec.id).start({ hijack: true, stdin: request.stdin, Tty: request.tty }),
  );
  const { session, ended } = sessionOver(socket, request, async (columns, rows) => {
    await ask(engine.short.getExec(exec.id).resize({ w: columns, h: rows }));
  });
  const exitCode = async (): Promise<number> => {
    await ended;
    for (let poll = 0; poll < exitPolls; poll++) {
      const info = await ask(engine.short.getExec(exec.id).inspect());
      if (!info.Running) return info.ExitCode ?? 0;
      await clock.sleep(exitPollMs);
    }
    throw new RuntimeError("failed", `exec ${exec.id}: the output has ended but the process still runs`);
  };
  return { ...session, exitCode: owned(exitCode()) };
}

export async function attachTo(engine: Engine, containerId: string, request: AttachRequest): Promise<StreamSession> {
  const container = engine.long.getContainer(containerId);
  const options = {
    stream: true,
    hijack: true,
    stdin: request.stdin,
    stdout: true,
    stderr: true,
    detachKeys: neverTyped,
  };
  const socket: Duplex = (await ask(container.attach(options))) as Duplex;
  const { session, ended } = sessionOver(socket, request, async (columns, rows) => {
    await ask(engine.short.getContainer(containerId).resize({ w: columns, h: rows }));
  });
  const exitCode = async (): Promise<number> => {
    await ended;
    const info = await ask(engine.short.getContainer(containerId).inspect());
    return info.State.Running ? 0 : info.State.ExitCode;
  };
  return { ...session, exitCode: owned(exitCode()) };
}

function sessionOver(
  socket: Duplex,
  request: { readonly stdin: boolean; readonly tty: boolean },
  resize: StreamSession["resize"],
): { session: Omit<StreamSession, "exitCode">; ended: Promise<void> } {
  const close = (): void => {
    socket.destroy();
  };
  const stdin = request.stdin ? socket : undefined;
  if (request.tty) {
    const ended = new Promise<void>((resolve) => socket.once("end", resolve).once("close", resolve));
    return { session: { stdin, stdout: socket, stderr: undefined, resize, close }, ended };
  }
  const { stdout, stderr, ended } = splitFrames(socket);
  return { session: { stdin, stdout, stderr, resize, close }, ended };
}

/** The receiver may look at the code late or never; its failure is then not an unhandled one. */
function owned<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
