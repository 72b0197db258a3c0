// Requests over HTTP/2 that are not gRPC (a browser's or curl's health check, the JSON gateway): carried to the HTTP/1.1
// server of this process over a pair of streams in memory. They are rare; one way of answering them is enough.
import type * as http from "node:http";
import { duplexPair } from "node:stream";
import { errorCodes } from "../http2/frame.ts";
import { encodeHeaders } from "../http2/hpack.ts";
import type { Headers } from "../http2/hpack.ts";
import type { Http2Stream } from "../http2/stream.ts";

// Not imported: the facade of an import evaluates all that node:http has, and so loads the client behind `fetch`, which no daemon uses.
const { request: httpRequest } = process.getBuiltinModule("node:http");

/** Of the connection, not of the request or answer (RFC 9113, 8.2.2). */
const hopByHop = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]);

export function createHttpBridge(server: http.Server): (stream: Http2Stream, headers: Headers, last: boolean) => void {
  return (stream, headers, last) => {
    const [near, far] = duplexPair();
    server.emit("connection", far);
    const request = httpRequest({
      createConnection: () => near,
      method: headers[":method"] ?? "GET",
      path: headers[":path"] ?? "/",
      headers: plainHeaders(headers),
    });
    request.on("error", () => stream.reset(errorCodes.internalError));
    request.on("drain", () => stream.resume());
    request.on("response", (response) => void answer(stream, response));
    stream.handler = {
      data(bytes, end) {
        if (!request.write(bytes)) stream.pause();
        if (end) request.end();
      },
      closed: ({ complete }) => {
        if (!complete) request.destroy();
      },
    };
    if (last) request.end();
  };
}

async function answer(stream: Http2Stream, response: http.IncomingMessage): Promise<void> {
  const headers: Record<string, string | number> = { ":status": response.statusCode ?? 500 };
  for (const [name, value] of Object.entries(response.headers)) {
    if (value !== undefined && !hopByHop.has(name)) headers[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  stream.sendHeaders(encodeHeaders(headers), false);
  try {
    for await (const chunk of response) if (!stream.sendData(chunk as Buffer, false)) await stream.whenWritable();
    stream.sendData(Buffer.alloc(0), true);
  } catch {
    // The handler broke its answer off: so do we.
    stream.reset(errorCodes.internalError);
  }
}

function plainHeaders(headers: Headers): Record<string, string> {
  const plain: Record<string, string> = { host: headers[":authority"] ?? headers["host"] ?? "store" };
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !name.startsWith(":") && !hopByHop.has(name)) plain[name] = value;
  }
  return plain;
}
