// The door to `io/node-tunnel`: requests that become streams to a node agent, a pod or a service, and to other servers.
// Authentication, authorization and CONNECT admission are over when the tunnel is called.
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { ApiObject } from "@coxswain/apimachinery";
import type { RequestInfo, UserInfo } from "../../core/request.ts";
import type { RawRequest } from "./incoming.ts";
import type { RawResponse } from "./outgoing.ts";

export interface TunnelRequest {
  /** pods/log, pods/exec, pods/attach, pods/portforward, pods/proxy, services/proxy or nodes/proxy. */
  readonly info: RequestInfo;
  readonly user: UserInfo;
  readonly query: URLSearchParams;
  /** The pod, service or node, or the APIService of another server. */
  readonly object: ApiObject;
}

/** Requests for another server's group go there, all others to nodes, pods and services. */
export function joinedTunnel(elsewhere: Tunnel, here: Tunnel): Tunnel {
  const of = ({ object }: TunnelRequest): Tunnel => (object.kind === "APIService" ? elsewhere : here);
  return {
    serve: (request, raw, response, signal) => of(request).serve(request, raw, response, signal),
    upgrade: (request, raw, socket, head) => of(request).upgrade(request, raw, socket, head),
  };
}

export interface Tunnel {
  /** Answers an ordinary request (log, proxy) on the raw response; rejects with a StatusError before the first byte. */
  serve(request: TunnelRequest, raw: RawRequest, response: RawResponse, signal: AbortSignal): Promise<void>;
  /** Takes over an upgraded HTTP/1.1 connection (WebSocket or SPDY). Rejects with a StatusError before the first byte. */
  upgrade(request: TunnelRequest, raw: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>;
}
