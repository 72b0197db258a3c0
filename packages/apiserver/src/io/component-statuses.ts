// How the other parts of the control plane are, for clients that still ask (`kubectl get componentstatuses`): scheduler and controller manager
// on this machine, and every store. As kube-apiserver, which expects them at their usual ports beside it. Asked anew each time, kept nowhere.
import { request } from "node:https";
import type { ComponentCondition, ComponentStatus } from "@coxswain/api/core/v1";
import type { Clock } from "@coxswain/clock";

export interface ComponentStatuses {
  readonly names: readonly string[];
  /** Undefined for a name that is none of them. */
  read(name: string): Promise<ComponentStatus | undefined>;
}

export interface ComponentStatusesPorts {
  readonly clock: Clock;
  readonly stores: readonly string[];
  /** Rejects when the store does not answer. */
  readonly askStore: (endpoint: string) => Promise<unknown>;
}

type Finding = Pick<ComponentCondition, "status" | "message" | "error">;

const localPorts: Readonly<Record<string, number>> = { "controller-manager": 10257, scheduler: 10259 };
const patienceMs = 5000;
const longestAnswer = 1024;

export function createComponentStatuses({ clock, stores, askStore }: ComponentStatusesPorts): ComponentStatuses {
  const checks = new Map<string, () => Promise<Finding>>([
    ...Object.entries(localPorts).map(([name, port]) => [name, () => askDaemon(port, clock)] as const),
    ...stores.map(
      (endpoint, index) =>
        [
          `etcd-${index}`,
          () =>
            askStore(endpoint).then(
              (): Finding => ({ status: "True", message: "ok" }),
              (error: unknown): Finding => ({ status: "False", message: (error as Error).message }),
            ),
        ] as const,
    ),
  ]);
  return {
    names: [...checks.keys()],
    async read(name) {
      const found = await checks.get(name)?.();
      return (
        found && { apiVersion: "v1", kind: "ComponentStatus", metadata: { name }, conditions: [conditionOf(found)] }
      );
    },
  };
}

function conditionOf(found: Finding): ComponentCondition {
  return { type: "Healthy", ...found };
}

/** Nothing is sent that would have to be kept from a stranger who sits at that port: its certificate is its own. */
function askDaemon(port: number, clock: Clock): Promise<Finding> {
  const url = `https://127.0.0.1:${port}/healthz`;
  const unhealthy = (message: string): Finding => ({ status: "False", message });
  return new Promise((resolve) => {
    const asked = request(url, { agent: false, rejectUnauthorized: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        if (text.length < longestAnswer) text += chunk;
      });
      response.on("error", (error) => resolve(unhealthy(`Get ${JSON.stringify(url)}: ${error.message}`)));
      response.on("end", () =>
        resolve(response.statusCode === 200 ? { status: "True", message: text } : unhealthy(text)),
      );
    });
    const timer = clock.setTimeout(() => asked.destroy(new Error("it did not answer in time")), patienceMs);
    asked.on("close", () => timer.cancel());
    asked.on("error", (error: NodeJS.ErrnoException) => {
      const refused = error.code === "ECONNREFUSED";
      const why = refused ? `dial tcp 127.0.0.1:${port}: connect: connection refused` : error.message;
      resolve(unhealthy(`Get ${JSON.stringify(url)}: ${why}`));
    });
    asked.end();
  });
}
