// The kernel's own balancer (IPVS) as values: virtual servers that clients address, and the real servers behind them. They say what shall be;
// nothing here renders or touches the kernel. Real servers are reached by translation of the destination ("masquerading" in IPVS' words), each
// with the same weight.

/** The balancing methods of the kernel that a virtual server may have. */
export const ipvsSchedulers = ["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "mh"] as const;
export type IpvsScheduler = (typeof ipvsSchedulers)[number];
export type IpvsProtocol = "tcp" | "udp" | "sctp";

export interface VirtualServer {
  readonly protocol: IpvsProtocol;
  readonly address: string;
  readonly port: number;
  readonly scheduler: IpvsScheduler;
  /** How long a client stays with its real server after its last connection; undefined: not at all. */
  readonly persistentSeconds: number | undefined;
  /** Without any the kernel refuses clients. */
  readonly servers: readonly RealServer[];
}

export interface RealServer {
  readonly address: string;
  readonly port: number;
}

/** One virtual server of the kernel. */
export interface ObservedServer {
  readonly scheduler: string;
  readonly persistentSeconds: number | undefined;
  /** Bears our mark. */
  readonly isOurs: boolean;
  /** Says nothing that we would not say. */
  readonly isPlain: boolean;
  /** By "address:port". */
  readonly servers: ReadonlyMap<string, ObservedReal>;
}

export interface ObservedReal {
  /** 0: gets no new clients. */
  readonly weight: number;
  /** Those that were begun and not forgotten yet; undefined: nobody has looked since. */
  readonly connections: number | undefined;
  /** Reached by translation, as all of ours are. */
  readonly isTranslated: boolean;
}

/** Virtual servers by `virtualServerKey`. */
export type ObservedServers = ReadonlyMap<string, ObservedServer>;

/** "tcp 10.96.0.5:80" */
export function virtualServerKey({ protocol, ...at }: Pick<VirtualServer, "protocol" | "address" | "port">): string {
  return `${protocol} ${endpointText(at)}`;
}

/** As the tool takes and prints it: "10.96.0.5:80", "[fd96::5]:80". */
export function endpointText({ address, port }: RealServer): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
