// A connection to another member, and the frames that come over it.
import * as net from "node:net";
import * as tls from "node:tls";
import { FrameParser } from "./frame.ts";
import type { Frame } from "./frame.ts";

/** Absent: without TLS (only where the URLs say http). */
export interface PeerTls {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer | undefined;
  readonly requireClientCertificate: boolean;
  /** Calls when certificate, key or authority are others than before. */
  readonly onChange?: (tell: () => void) => void;
}

const maxFrameBytes = 64 * 1024 * 1024;

/** A connection to a peer's URL, with this member's certificate where there is TLS. */
export function dialPeer(url: URL, material: PeerTls | undefined): net.Socket {
  const address = { host: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port || "2380") };
  if (url.protocol !== "https:") return net.connect(address);
  const servername = net.isIP(address.host) ? {} : { servername: address.host };
  const own = material ? { cert: material.cert, key: material.key, ...(material.ca ? { ca: material.ca } : {}) } : {};
  return tls.connect({ ...address, ...own, ...servername });
}

/** Destroys the connection when what arrives is not frames. */
export function readFrames(socket: net.Socket, take: (frame: Frame) => void): void {
  const parser = new FrameParser(maxFrameBytes);
  socket.on("data", (chunk: Buffer) => {
    try {
      for (const frame of parser.push(chunk)) take(frame);
    } catch (error) {
      socket.destroy(error as Error);
    }
  });
}
