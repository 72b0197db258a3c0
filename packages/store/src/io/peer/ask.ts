// Asks a running member who is in its cluster, before this one has an identity of its own.
import type { Socket } from "node:net";
import type { Clock } from "@coxswain/clock";
import { decode, memberListResponse } from "@coxswain/etcd-api";
import type { Member } from "@coxswain/etcd-api";
import { encodeFrame, encodeHello } from "./frame.ts";
import { PeerRefusal, peerQuestions } from "./peer.ts";
import type { PeerQuestion } from "./peer.ts";
import { dialPeer, readFrames } from "./connection.ts";
import type { PeerTls } from "./connection.ts";

/** The first answer of any of them. Throws an AggregateError when none answers. */
export function askCluster(
  urls: readonly string[],
  tls: PeerTls | undefined,
): Promise<{ clusterId: bigint; members: readonly Member[] }> {
  return Promise.any(urls.map((url) => askOne(new URL(url), tls)));
}

function askOne(url: URL, tls: PeerTls | undefined): Promise<{ clusterId: bigint; members: readonly Member[] }> {
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

/** | question u8 | payload | */
export function encodeQuestion(question: PeerQuestion, payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([peerQuestions.indexOf(question)]), payload]);
}

/** Undefined for a question that this version does not know. */
export function decodeQuestion(bytes: Buffer): { question: PeerQuestion; payload: Buffer } | undefined {
  const question = peerQuestions[bytes[0] ?? peerQuestions.length];
  return question && { question, payload: bytes.subarray(1) };
}

/** Asks over a connection that has said hello; ends it. */
export function askOver(
  socket: Socket,
  question: PeerQuestion,
  payload: Uint8Array,
  clock: Clock,
  timeoutMs: number,
): Promise<Uint8Array> {
  return new Promise<Uint8Array>((resolve, reject) => {
    const timer = clock.setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    socket.on("close", () => {
      timer.cancel();
      reject(new Error("the connection was closed without an answer"));
    });
    readFrames(socket, (frame) => {
      if (frame.kind === "welcome") socket.write(encodeFrame("question", encodeQuestion(question, payload)));
      if (frame.kind === "answer") resolve(frame.payload);
      if (frame.kind === "refused") reject(new PeerRefusal(frame.payload.toString()));
    });
  }).finally(() => socket.destroy());
}
