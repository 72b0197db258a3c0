// The store's ports as the running system has them. A simulation hands in others.
import type { DaemonPorts } from "@coxswain/daemon";
import { createGrpcServer } from "@coxswain/etcd-api";
import type { GrpcServer, GrpcServerOptions } from "@coxswain/etcd-api";
import type { StoreBackend } from "./io/backend/level-backend.ts";
import { openLevelBackend } from "./io/backend/level-backend.ts";
import type { Disk } from "./io/disk/disk.ts";
import { systemDisk } from "./io/disk/system-disk.ts";
import { askCluster } from "./io/peer/ask.ts";
import type { PeerTransport } from "./io/peer/peer.ts";
import { createTlsTransport } from "./io/peer/tls-transport.ts";
import type { TransportConfig } from "./io/peer/tls-transport.ts";

export interface StorePorts extends DaemonPorts {
  readonly disk: Disk;
  /** Refuses with a sentence where another process has it open. */
  readonly openBackend: (directory: string) => Promise<StoreBackend>;
  readonly createTransport: (config: TransportConfig) => PeerTransport;
  /** Asks running members, by their peer URLs, who is in their cluster. */
  readonly askCluster: typeof askCluster;
  readonly createServer: (options: GrpcServerOptions) => GrpcServer;
}

export function systemPorts(ports: DaemonPorts): StorePorts {
  return {
    ...ports,
    disk: systemDisk,
    openBackend: openLevelBackend,
    createTransport: (config) => createTlsTransport(config, { ...ports, log: ports.log.child({ part: "peer" }) }),
    askCluster,
    createServer: (options) => createGrpcServer(options, ports.clock),
  };
}
