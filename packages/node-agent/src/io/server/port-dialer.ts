// Connections to ports inside a pod's network, as its own processes would make them: to localhost in its namespace. A process cannot enter
// another's namespace for one socket, so a small relay runs there for as long as a client forwards ports. A socket in the file system, which
// namespaces share, leads to it:
//
//   agent ── unix socket: two bytes of port ──► relay ── 127.0.0.1, else ::1 ──► the pod's process
//         ◄── one zero, or a sentence ─────────
import { Buffer } from "node:buffer";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execPath } from "node:process";
import type { PortConnection } from "./streams/port-forward.ts";

/** Ends with its standard input, so that it never outlives the agent. */
const relay = `
const net = require("node:net");
const dial = (port, hosts, done, said) => {
  if (hosts.length === 0) return done(undefined, said.join(" "));
  const [host, ...others] = hosts;
  const socket = net.connect({ host, port, allowHalfOpen: true });
  const failed = (error) => {
    const why = error.code === "ECONNREFUSED" ? "connect: connection refused" : error.message;
    dial(port, others, done, [...said, host === "::1" ? "IPv6 dial tcp6 [::1]:" + port + ": " + why : "IPv4: dial tcp4 127.0.0.1:" + port + ": " + why]);
  };
  socket.once("error", failed).once("connect", () => done(socket.off("error", failed)));
};
const server = net.createServer({ allowHalfOpen: true }, (client) => {
  client.on("error", () => client.destroy());
  client.once("readable", function first() {
    const head = client.read(2);
    if (head === null) return void client.once("readable", first);
    dial(head.readUInt16BE(0), ["127.0.0.1", "::1"], (socket, why) => {
      if (!socket) return client.end(why);
      socket.on("error", () => client.destroy()).on("close", () => client.end());
      client.on("close", () => socket.destroy());
      client.write("\\0");
      client.pipe(socket).pipe(client);
    }, []);
  });
});
server.listen(process.argv[1], () => process.stdout.write("listening"));
process.stdin.on("end", () => process.exit()).on("error", () => process.exit()).resume();
`;

export interface PortDialer {
  /** Rejects with a sentence when nothing listens. */
  dial(port: number): Promise<PortConnection>;
  /** Ends the relay and every connection through it. */
  close(): void;
}

/** `pid` is the sandbox's first process. The relay starts with the first connection. */
export function createPortDialer(pid: number): PortDialer {
  let started: Promise<string> | undefined;
  const aborter = new AbortController();
  return {
    async dial(port) {
      const path = await (started ??= startRelay(pid, aborter.signal));
      const socket = connect({ path, allowHalfOpen: true });
      socket.on("error", () => socket.destroy());
      await once(socket, "connect");
      socket.write(Buffer.of(port >> 8, port & 0xff));
      const first = await firstBytes(socket);
      if (first[0] !== 0)
        throw new Error(`failed to connect to localhost:${port} inside namespace: ${await sentence(socket, first)}`);
      if (first.length > 1) socket.unshift(first.subarray(1));
      // What breaks afterwards breaks the client's connection, too: it needs no second voice.
      return { stream: socket, failure: Promise.resolve(undefined) };
    },
    close: () => aborter.abort(new Error("the client has gone")),
  };
}

/** Resolves with the path of its socket when it listens. */
async function startRelay(pid: number, signal: AbortSignal): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "coxswain-ports-"));
  const path = join(directory, "relay.sock");
  const child = spawn("nsenter", [`--net=/proc/${pid}/ns/net`, execPath, "-e", relay, path], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const stop = (): void => void child.kill("SIGKILL");
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(0, 1000)));
  const ended = new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code) => resolve(said === "" ? `code ${code ?? "of a signal"}` : said));
  }).finally(() => {
    signal.removeEventListener("abort", stop);
    return rm(directory, { recursive: true, force: true });
  });
  const failed = ended.then((why) => Promise.reject(new Error(`the pod's network cannot be entered: ${why}`)));
  // After the start nobody waits for the end any more.
  failed.catch(() => undefined);
  await Promise.race([once(child.stdout, "data"), failed]);
  return path;
}

async function firstBytes(socket: Socket): Promise<Buffer> {
  for (;;) {
    const chunk = socket.read() as Buffer | null;
    if (chunk !== null) return chunk;
    if (socket.readableEnded || socket.destroyed) return Buffer.alloc(0);
    await Promise.race([once(socket, "readable"), once(socket, "end"), once(socket, "close")]);
  }
}

async function sentence(socket: Socket, first: Buffer): Promise<string> {
  let text = first.toString("utf8");
  for await (const chunk of socket) text += (chunk as Buffer).toString("utf8");
  return text === "" ? "the connection was cut" : text;
}
