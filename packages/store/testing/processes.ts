// Real store processes over TLS for tests: makes certificates, picks free ports, starts, kills and reaps.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@coxswain/clock";
import { freePort } from "@coxswain/daemon/testing";
import { createEtcdClient } from "@coxswain/etcd-api";
import type { EtcdClient } from "@coxswain/etcd-api";
import { createAuthority, openAuthority } from "@coxswain/pki";

const main = new URL("../src/main.ts", import.meta.url).pathname;
const dayMs = 86_400_000;

export interface ProcessGroup extends AsyncDisposable {
  readonly directory: string;
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  freePort(): Promise<number>;
  /**
   * Starts one member; resolves when it says that it has started. Rejects with its last words when it ends before, or has not
   * started in time (a minute): then it is killed.
   */
  start(member: MemberFlags, withinMs?: number): Promise<RunningProcess>;
  /** A client of ports of 127.0.0.1, or of whole URLs. */
  client(...endpoints: readonly (number | string)[]): EtcdClient;
}

export interface MemberFlags {
  readonly name: string;
  readonly clientPort: number;
  readonly peerPort?: number;
  /** name=peer-url,… */
  readonly initialCluster?: string;
  readonly more?: readonly string[];
  /** Address it listens on; default 127.0.0.1. */
  readonly host?: string;
  /** Default: a directory of the group's, under the member's name. */
  readonly dataDir?: string;
  /** Words in front of the command, such as `ip netns exec m1`. */
  readonly launcher?: readonly string[];
  /** Another program than the store's own `main.ts`, and what it finds in its environment. */
  readonly program?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface RunningProcess {
  readonly child: ChildProcess;
  readonly output: () => string;
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** `hosts`: further addresses that members listen on. */
export async function createProcessGroup(hosts: readonly string[] = []): Promise<ProcessGroup> {
  const directory = await mkdtemp(join(tmpdir(), "store-"));
  const authorityPair = await createAuthority("store-test", dayMs, systemClock);
  const authority = await openAuthority(authorityPair, systemClock);
  const leaf = await authority.issue({
    commonName: "member",
    usages: ["client", "server"],
    hosts: ["localhost", "127.0.0.1", ...hosts],
    validityMs: dayMs,
  });
  const tls = { ca: join(directory, "ca.crt"), cert: join(directory, "tls.crt"), key: join(directory, "tls.key") };
  await Promise.all([
    writeFile(tls.ca, authorityPair.certificate),
    writeFile(tls.cert, leaf.certificate),
    writeFile(tls.key, leaf.key),
  ]);
  const running = new Set<RunningProcess>();
  const clients = new Set<EtcdClient>();

  return {
    directory,
    tls,
    freePort,
    async start(member, withinMs = 60_000) {
      const words = [process.execPath, member.program ?? main, ...flagsOf(member, directory, tls)];
      const [command = "", ...args] = [...(member.launcher ?? []), ...words];
      const child = spawn(command, args, {
        stdio: ["ignore", "ignore", "pipe"],
        env: { ...process.env, ...member.environment },
      });
      let output = "";
      const started = Promise.withResolvers<void>();
      child.stderr.on("data", (chunk: Buffer) => {
        output += chunk.toString();
        if (output.includes('"msg":"started"')) started.resolve();
      });
      child.once("exit", () => started.reject(new Error(output.trim().split("\n").at(-1))));
      const handle: RunningProcess = {
        child,
        output: () => output,
        async kill(signal) {
          if (child.exitCode !== null || child.signalCode !== null) return;
          const gone = once(child, "exit");
          child.kill(signal);
          await gone;
        },
      };
      running.add(handle);
      const late = systemClock.setTimeout(() => {
        started.reject(new Error(`not started within ${withinMs} ms: ${output.trim().split("\n").at(-1)}`));
        child.kill("SIGKILL");
      }, withinMs);
      await started.promise.finally(() => late.cancel());
      return handle;
    },
    client(...given) {
      const endpoints = given.map((each) => (typeof each === "number" ? `https://127.0.0.1:${each}` : each));
      const material = { ca: authorityPair.certificate, cert: leaf.certificate, key: leaf.key };
      const client = createEtcdClient({ endpoints, tls: material }, { clock: systemClock });
      clients.add(client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.close();
      await Promise.all(Array.from(running, (each) => each.kill("SIGKILL")));
      await rm(directory, { recursive: true });
    },
  };
}

function flagsOf(member: MemberFlags, directory: string, tls: ProcessGroup["tls"]): string[] {
  const host = member.host ?? "127.0.0.1";
  const client = `https://${host}:${member.clientPort}`;
  const peer = member.peerPort === undefined ? undefined : `https://${host}:${member.peerPort}`;
  const flags = [
    "--name",
    member.name,
    "--data-dir",
    member.dataDir ?? join(directory, member.name),
    "--listen-client-urls",
    client,
    "--advertise-client-urls",
    client,
  ];
  flags.push("--cert-file", tls.cert, "--key-file", tls.key, "--trusted-ca-file", tls.ca, "--client-cert-auth");
  if (peer !== undefined) {
    flags.push("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer);
    flags.push(
      "--peer-cert-file",
      tls.cert,
      "--peer-key-file",
      tls.key,
      "--peer-trusted-ca-file",
      tls.ca,
      "--peer-client-cert-auth",
    );
  }
  if (member.initialCluster !== undefined) flags.push("--initial-cluster", member.initialCluster);
  return [...flags, ...(member.more ?? [])];
}
