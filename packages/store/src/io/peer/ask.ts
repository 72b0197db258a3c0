// Asks a running member who is in its cluster, before this one has an identity of its own.
import { decode, memberListResponse } from "@coxswain/etcd-api";
import type { Member } from "@coxswain/etcd-api";
import { encodeFrame, encodeHello } from "./frame.ts";
import { dialPeer, readFrames } from "./tls-transport.ts";
import type { TransportConfig } from "./tls-transport.ts";

/** The first answer of any of them. Throws an AggregateError when none answers. */
export function askCluster(
  urls: readonly string[],
  tls: TransportConfig["tls"],
): Promise<{ clusterId: bigint; members: readonly Member[] }> {
  return Promise.any(urls.map((url) => askOne(new URL(url), tls)));
}

function askOne(url: URL, tls: TransportConfig["tls"]): Promise<{ clusterId: bigint; members: readonly Member[] }> {
  return new Promise((resolve, reject) => {
    const socket = dialPeer(url, tls);
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`${url.href} closed the connection without an answer`)));
    readFrames(socket, (frame) => {
      if (frame.kind !== "cluster") return;
      resolve(readCluster(frame.payload));
      socket.destroy();
    });
    socket.write(encodeFrame("hello", encodeHello({ purpose: "cluster", clusterId: 0n, from: 0n, to: 0n })));
  });
}

/** What `PeerReceiver.describeCluster` tells. */
export function readCluster(bytes: Uint8Array): { clusterId: bigint; members: readonly Member[] } {
  const { header, members } = decode(memberListResponse, bytes);
  return { clusterId: header?.clusterId ?? 0n, members };
}
