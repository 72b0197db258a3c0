// One question to one name server and its answer: by UDP, and by TCP when the answer did not fit. No memory, no choice of
// server.
import { createSocket } from "node:dgram";
import { createConnection, isIPv6 } from "node:net";
import { wireTimes } from "../core/wire-ttl.ts";
import { headerBytes } from "./query.ts";

export interface Server {
  readonly address: string;
  readonly port: number;
}

/** Sends `message` and resolves with an answer to it, whole; rejects when the signal fires or the server is not there. */
export async function exchange(server: Server, message: Buffer, signal: AbortSignal): Promise<Buffer> {
  const answer = await askUdp(server, message, signal);
  return answer.readUInt8(2) & 0x02 ? askTcp(server, message, signal) : answer;
}

export function lengthOf(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return length;
}

function askUdp(server: Server, message: Buffer, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(server.address) ? "udp6" : "udp4");
    const finish = (settle: () => void): void => {
      signal.removeEventListener("abort", abort);
      socket.close();
      settle();
    };
    const abort = (): void => finish(() => reject(signal.reason as Error));
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    socket.once("error", (error) => finish(() => reject(error)));
    // A connected socket takes packets from this server only.
    socket.connect(server.port, server.address, () => socket.send(message));
    socket.on("message", (answer) => {
      if (answers(answer, message)) finish(() => resolve(answer));
    });
  });
}

function askTcp(server: Server, message: Buffer, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: server.address, port: server.port });
    let received = Buffer.alloc(0);
    const abort = (): void => void socket.destroy(signal.reason as Error);
    signal.addEventListener("abort", abort, { once: true });
    socket.once("close", () => {
      signal.removeEventListener("abort", abort);
      reject(new Error(`${server.address} closed the connection before it answered`));
    });
    socket.once("error", reject);
    if (signal.aborted) abort();
    socket.once("connect", () => socket.write(Buffer.concat([lengthOf(message), message])));
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      const answer = received.subarray(2, 2 + received.readUInt16BE(0));
      if (answers(answer, message)) resolve(answer);
      else reject(new Error(`${server.address} answered another question`));
      socket.destroy();
    });
  });
}

/** Whether this is a message that parses, with the question's id and the question itself in it. */
function answers(answer: Buffer, query: Buffer): boolean {
  if (answer.length < headerBytes || answer.readUInt16BE(0) !== query.readUInt16BE(0)) return false;
  if (!(answer.readUInt8(2) & 0x80)) return false;
  const end = wireTimes(answer)?.questionEnd;
  if (end === undefined || end > query.length || end < headerBytes + 5) return false;
  const name = (bytes: Buffer): string => bytes.toString("latin1", headerBytes, end - 4).toLowerCase();
  return name(answer) === name(query) && answer.readUInt32BE(end - 4) === query.readUInt32BE(end - 4);
}
