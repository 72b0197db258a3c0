// cox at a real terminal: a process of its own on a pseudo-terminal (script, of util-linux), a server that only says which sizes and keys it
// was sent. No cluster: what a node does with the sizes is the node agent's affair.
import { afterAll, beforeAll, expect, it } from "vitest";
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { until } from "./joined-node.ts";

const main = join(import.meta.dirname, "../../packages/cox/src/main.ts");
const pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "box", namespace: "default" },
  spec: { containers: [{ name: "shell" }] },
  status: { phase: "Running" },
};
const answers: Readonly<Record<string, unknown>> = {
  "/apis": { kind: "APIGroupList", groups: [] },
  "/api/v1": {
    kind: "APIResourceList",
    groupVersion: "v1",
    resources: [{ name: "pods", singularName: "pod", namespaced: true, kind: "Pod", verbs: ["get", "list", "watch"] }],
  },
  "/api/v1/namespaces/default/pods/box": pod,
};

let server: Server;
let directory: string;
const messages: string[] = [];
let stream: Socket | undefined;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "coxswain-terminal-"));
  server = createServer((request, response) => {
    const answer = answers[(request.url ?? "").split("?")[0] ?? ""];
    response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(answer ?? { kind: "Status", status: "Failure", code: 404, reason: "NotFound" }));
  });
  server.on("upgrade", (request, socket: Socket) => {
    stream = socket;
    const accept = createHash("sha1")
      .update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest("base64");
    const protocol = (request.headers["sec-websocket-protocol"] ?? "").split(",")[0];
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ${protocol}\r\n\r\n`,
    );
    let pending = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      for (let length = frameLength(pending); pending.length >= length; length = frameLength(pending)) {
        const frame = pending.subarray(0, length);
        pending = pending.subarray(length);
        const mask = frame.subarray(2, 6);
        const text = frame.subarray(6).map((byte, at) => byte ^ (mask[at % 4] ?? 0));
        if ((frame[0] ?? 0) === 0x82) messages.push(`${text[0]} ${Buffer.from(text.subarray(1)).toString()}`);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  writeFileSync(
    join(directory, "config"),
    `{apiVersion: v1, kind: Config, current-context: c, clusters: [{name: c, cluster: {server: "http://127.0.0.1:${port}"}}], contexts: [{name: c, context: {cluster: c, user: u}}], users: [{name: u, user: {}}]}`,
  );
});
afterAll(async () => {
  stream?.destroy();
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true, force: true });
});

/** Of the first frame; what a client sends here is short and masked. Infinite while its head is not there. */
const frameLength = (bytes: Buffer): number => (bytes.length < 2 ? Infinity : 6 + ((bytes[1] ?? 0) & 0x7f));

/** A frame from a server: a byte for the stream, then text. */
function send(channel: number, text: string): void {
  const body = Buffer.concat([Buffer.from([channel]), Buffer.from(text)]);
  stream?.write(Buffer.concat([Buffer.from([0x82, body.length]), body]));
}

it("gives the remote terminal the size of ours, and each next one, and hands keys on unseen", async () => {
  const line = `tty; stty rows 30 cols 90; exec '${process.execPath}' '${main}' exec -it box -- sh`;
  const child = spawn("script", ["-qec", line, "/dev/null"], {
    env: { ...process.env, KUBECONFIG: join(directory, "config"), KUBECACHEDIR: directory, SHELL: "/bin/sh" },
  });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  try {
    await until("the first size came", () => Promise.resolve(messages.includes('4 {"Width":90,"Height":30}')));
    const terminal = /\/dev\/\S+/.exec(said)?.[0] ?? "";
    for (const [rows, columns] of [
      [31, 91],
      [20, 40],
    ]) {
      await promisify(execFile)("stty", ["-F", terminal, "rows", `${rows}`, "cols", `${columns}`]);
      await until("the next size came", () =>
        Promise.resolve(messages.includes(`4 {"Width":${columns},"Height":${rows}}`)),
      );
    }
    // Ctrl-C is the remote's.
    child.stdin.write("\u0003");
    await until("the key came", () => Promise.resolve(messages.includes("0 \u0003")));
    send(1, "from the container\r\n");
    send(
      3,
      '{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"42"}]}}',
    );
    stream?.end(Buffer.from([0x88, 0]));
    child.stdin.end();
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  expect(await ended).toBe(42);
  expect(said).toContain("from the container");
});
