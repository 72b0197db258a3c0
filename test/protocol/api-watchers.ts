// A watch as a test sees it: lines of JSON over one connection of its own, gathered until the test has seen enough.
import { request } from "node:https";
import type { ControlPlane } from "./control-plane.ts";

export interface SeenEvent {
  readonly type: string;
  readonly object: {
    readonly kind?: string;
    readonly code?: number;
    readonly metadata: {
      readonly name?: string;
      readonly resourceVersion: string;
      readonly annotations?: Readonly<Record<string, string>>;
    };
  } & Readonly<Record<string, unknown>>;
}

export interface Watching {
  readonly events: readonly SeenEvent[];
  /** Resolves when `enough` says so of the events so far; rejects when the watch ends before. */
  until(enough: (events: readonly SeenEvent[]) => boolean): Promise<readonly SeenEvent[]>;
  /** Resolves when the server, the test or a broken connection has ended it. */
  readonly ended: Promise<void>;
  stop(): void;
}

/** Begins a watch; `path` has the query but `watch=true`. Rejects when it is refused. */
export function watch(plane: ControlPlane, path: string, server = 0): Promise<Watching> {
  const events: SeenEvent[] = [];
  const waiting = new Set<() => void>();
  const over = Promise.withResolvers<void>();
  let isOver = false;
  const tell = (): void => {
    for (const look of waiting) look();
  };
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        ...plane.tls,
        agent: false,
        host: "127.0.0.1",
        port: plane.servers[server]?.port,
        path: `${path}${path.includes("?") ? "&" : "?"}watch=true`,
      },
      (response) => {
        let rest = "";
        response.setEncoding("utf8");
        response.on("data", (text: string) => {
          const lines = (rest + text).split("\n");
          rest = lines.pop() ?? "";
          events.push(...lines.map((line) => JSON.parse(line) as SeenEvent));
          tell();
        });
        const finish = (): void => {
          isOver = true;
          over.resolve();
          tell();
        };
        response.on("close", finish);
        response.on("error", finish);
        if (response.statusCode !== 200) return reject(new Error(`the watch was refused with ${response.statusCode}`));
        resolve({
          events,
          ended: over.promise,
          stop: () => void sent.destroy(),
          until: (enough) =>
            new Promise((found, missed) => {
              const look = (): void => {
                if (!enough(events) && !isOver) return;
                waiting.delete(look);
                if (enough(events)) found(events);
                else missed(new Error(`the watch ended after ${JSON.stringify(events.map(shown))}`));
              };
              waiting.add(look);
              look();
            }),
        });
      },
    );
    sent.on("error", reject);
    sent.end();
  });
}

/** "ADDED name". */
export function shown({ type, object }: SeenEvent): string {
  return `${type} ${object.metadata?.name ?? object.code ?? ""}`.trim();
}
