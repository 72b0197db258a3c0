// A machine that daemons run on: this one, or one of the lab's. The port through which the supervisor starts things.
import { spawn } from "node:child_process";
import type { ChildProcess, SpawnOptions } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { hostname, networkInterfaces } from "node:os";
import { Failure } from "./failure.ts";

export interface Machine {
  readonly name: string;
  /** The IPv4 address under which the other machines reach it. */
  readonly address: string;
  readonly dockerSocket: string;
  readonly resolvConf: string;
  /** Starts a program in the machine. The caller owns the process. */
  spawn(command: string, args: readonly string[], options: SpawnOptions): ChildProcess;
}

export function thisMachine(dockerSocket: string): Machine {
  return {
    name: hostname().toLowerCase(),
    address: ownAddress(),
    dockerSocket,
    resolvConf: existsSync("/run/systemd/resolve/resolv.conf")
      ? "/run/systemd/resolve/resolv.conf"
      : "/etc/resolv.conf",
    spawn: (command, args, options) => spawn(command, [...args], options),
  };
}

/** The first address that is neither loopback nor a container network's. */
function ownAddress(): string {
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    if (/^(docker|br-|veth|cox)/.test(name)) continue;
    const address = addresses?.find((candidate) => candidate.family === "IPv4" && !candidate.internal);
    if (address) return address.address;
  }
  throw new Failure("this machine has no IPv4 address besides loopback; pods need one to reach the apiserver");
}

/** Throws a sentence when something listens on the port already. */
export function assertPortFree(port: number, purpose: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE")
        reject(new Failure(`port ${port}, which the ${purpose} needs, is already in use`));
      else reject(new Failure(`cannot listen on port ${port} for the ${purpose}: ${error.message}`));
    });
    probe.listen({ port, host: "0.0.0.0" }, () => probe.close(() => resolve()));
  });
}
