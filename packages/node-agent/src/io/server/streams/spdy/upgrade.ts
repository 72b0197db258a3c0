// The HTTP side of SPDY: 101 with the protocol version both know, or 403/400 as the kubelet answers.
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

/** Writes the answer. The first of our versions that the client offers; undefined when there is none, and the socket is closed. */
export function switchToSpdy<V extends string>(
  request: IncomingMessage,
  socket: Duplex,
  ours: readonly [V, ...V[]],
): V | undefined {
  const offered = (request.headersDistinct["x-stream-protocol-version"] ?? [])
    .flatMap((text) => text.split(","))
    .map((text) => text.trim());
  // A client that says nothing means the oldest.
  const chosen = offered.length === 0 ? ours.at(-1) : ours.find((version) => offered.includes(version));
  if (chosen === undefined) {
    const body = `unable to upgrade: unable to negotiate protocol: client supports [${offered.join(" ")}], server accepts [${ours.join(" ")}]`;
    const accepted = ours.map((version) => `X-Accepted-Stream-Protocol-Versions: ${version}\r\n`).join("");
    socket.end(
      `HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Type: text/plain\r\n${accepted}Content-Length: ${body.length}\r\n\r\n${body}`,
    );
    return undefined;
  }
  const version = offered.length === 0 ? "" : `X-Stream-Protocol-Version: ${chosen}\r\n`;
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n${version}\r\n`);
  return chosen;
}
