// A client that writes all the time and remembers what was acknowledged: ConfigMaps named by number, through our own client with a kubeconfig's
// list of servers. What it was told is written must be there at the end; what it was refused is counted.
import { systemClock } from "@coxswain/clock";
import { configMaps } from "@coxswain/api/core/v1";
import { createClient, loadKubeconfig } from "@coxswain/client";

export interface Written {
  readonly acknowledged: readonly string[];
  /** One line for each request that failed. */
  readonly failed: readonly string[];
  /** Longest time from one acknowledgement to the next. */
  readonly longestPauseMs: number;
}

export interface Writer {
  stop(): Promise<Written>;
}

export function startWriter(kubeconfig: string, prefix: string): Writer {
  const client = createClient(loadKubeconfig(kubeconfig, { userAgent: "topologies" }), { clock: systemClock });
  const resource = client.resource(configMaps);
  const aborter = new AbortController();
  const acknowledged: string[] = [];
  const failed: string[] = [];
  let longestPauseMs = 0;
  const work = async (): Promise<void> => {
    let last = performance.now();
    for (let number = 1; !aborter.signal.aborted; number++) {
      const name = `${prefix}-${number}`;
      try {
        await resource.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "default" } });
        acknowledged.push(name);
        longestPauseMs = Math.max(longestPauseMs, performance.now() - last);
        last = performance.now();
      } catch (error) {
        failed.push(`${name}: ${(error as Error).message}`);
      }
      await systemClock.sleep(20);
    }
  };
  const working = work();
  return {
    async stop() {
      aborter.abort();
      await working;
      await client.close();
      return { acknowledged, failed, longestPauseMs };
    },
  };
}
