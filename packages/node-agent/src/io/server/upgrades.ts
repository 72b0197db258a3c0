// Connections that are taken over: exec, attach and port-forward. Which container or port is meant is decided here; how
// bytes travel is the stream protocols' business.
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "@coxswain/clock";
import type { ContainerRuntime } from "@coxswain/container-runtime";
import type { Logger } from "@coxswain/daemon";
import type { PodSet } from "../pods/pod-set.ts";

export interface UpgradePorts {
  readonly runtime: ContainerRuntime;
  readonly podSet: PodSet;
  readonly clock: Clock;
  readonly log: Logger;
}

export function createUpgrades(ports: UpgradePorts): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  return (request, socket) => {
    ports.log.warn({ path: request.url }, "a stream was asked for that is not served");
    socket.end("HTTP/1.1 501 Not Implemented\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  };
}
