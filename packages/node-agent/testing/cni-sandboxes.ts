// Network namespaces that stand for sandboxes, for tests of CNI plugins.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Pod } from "@coxswain/api/core/v1";

export interface CniSandbox {
  readonly id: string;
  readonly pid: number;
  readonly address: undefined;
  readonly pod: Pod;
}

export interface CniSandboxes {
  start(id: string, hostPort?: number): Promise<CniSandbox>;
  /** Ends one without a word, as a crash does. */
  crash(sandbox: CniSandbox): Promise<void>;
  /** Those that run. */
  running(): Promise<ReadonlySet<string>>;
  stop(): Promise<void>;
}

export function createCniSandboxes(): CniSandboxes {
  const alive = new Map<string, ChildProcess>();
  const end = async (id: string): Promise<void> => {
    const child = alive.get(id);
    alive.delete(id);
    child?.kill("SIGKILL");
    if (child) await once(child, "exit");
  };
  return {
    async start(id, hostPort) {
      const child = spawn("unshare", ["--net", "sh", "-c", "echo there; exec sleep 300"], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      alive.set(id, child);
      await once(child.stdout, "data");
      const ports = [{ containerPort: 80, ...(hostPort === undefined ? {} : { hostPort }) }];
      const pod: Pod = {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: id, namespace: "default", uid: `uid-${id}` },
        spec: { containers: [{ name: "main", ports }] },
      };
      return { id, pid: child.pid ?? 0, address: undefined, pod };
    },
    crash: ({ id }) => end(id),
    running: async () => new Set(alive.keys()),
    async stop() {
      for (const id of alive.keys()) await end(id);
    },
  };
}
