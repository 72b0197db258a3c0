// Asks node agents for `/metrics/resource` and keeps the last two answers of each. Nobody is asked while nobody asks us: the
// first question after a rest takes two looks, a second apart, and the nodes are then looked at every fifteen seconds until
// there has been no question for five minutes.
import { Agent, request } from "node:https";
import type { Node } from "@coxswain/api/core/v1";
import type { Clock } from "@coxswain/clock";
import type { Logger } from "@coxswain/daemon";
import { readSample } from "../../core/metrics-api/samples.ts";
import type { History } from "../../core/metrics-api/usage.ts";
import { agentOf } from "../node-tunnel/agent.ts";
import type { AgentTls } from "../node-tunnel/agent.ts";

export interface Scraper {
  /** What is known of each node, by name; fresh enough to be told. */
  histories(signal: AbortSignal): Promise<ReadonlyMap<string, History>>;
  /** Until the signal. */
  run(signal: AbortSignal): Promise<void>;
}

/** metrics-server's `--metric-resolution`. */
const resolutionMs = 15_000;
const restAfterMs = 300_000;
const firstWindowMs = 1_000;
const timeoutMs = 5_000;
/** An answer that is older is not told any more: the node does not answer. */
const longestAgeMs = 60_000;
const largestAnswerBytes = 32 * 2 ** 20;

export function createScraper(ports: {
  readonly nodes: () => Promise<readonly Node[]>;
  readonly tls: () => AgentTls;
  readonly clock: Clock;
  readonly log: Logger;
}): Scraper {
  const { clock, log } = ports;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const kept = new Map<string, { history: History; atMs: number }>();
  let askedAtMs = Number.NEGATIVE_INFINITY;
  let scraping: Promise<void> | undefined;
  let wake = Promise.withResolvers<void>();

  const scrapeNode = async (node: Node): Promise<void> => {
    const name = node.metadata.name;
    try {
      const text = await fetchMetrics(node, ports.tls(), agent);
      const before = kept.get(name)?.history ?? [];
      kept.set(name, { history: [...before.slice(-1), readSample(text, clock.now())], atMs: clock.monotonic() });
    } catch (error) {
      log.debug({ node: name, err: (error as Error).message }, "a node's usage could not be read");
    }
  };
  const scrape = async (): Promise<void> => {
    const nodes = await ports.nodes();
    const names = new Set(nodes.map((node) => node.metadata.name));
    for (const name of kept.keys()) if (!names.has(name)) kept.delete(name);
    await Promise.all(nodes.map(scrapeNode));
  };
  const scrapeOnce = (): Promise<void> => (scraping ??= scrape().finally(() => (scraping = undefined)));
  const isFresh = ({ atMs }: { readonly atMs: number }): boolean => clock.monotonic() - atMs < 2 * resolutionMs;

  return {
    async histories(signal) {
      const resting = clock.monotonic() - askedAtMs > restAfterMs;
      askedAtMs = clock.monotonic();
      if (resting) {
        // Two looks near each other say what is in use now, not what was on average since the last question.
        kept.clear();
        wake.resolve();
      }
      const isWhole = (): boolean =>
        kept.size > 0 && [...kept.values()].every((entry) => entry.history.length > 1 && isFresh(entry));
      if (!isWhole()) {
        await scrapeOnce();
        if (!isWhole() && kept.size > 0) {
          await clock.sleep(firstWindowMs, signal);
          await scrapeOnce();
        }
      }
      const fresh = [...kept].filter(([, { atMs }]) => clock.monotonic() - atMs < longestAgeMs);
      return new Map(fresh.map(([name, { history }]) => [name, history]));
    },
    async run(signal) {
      signal.addEventListener("abort", () => agent.destroy(), { once: true });
      while (!signal.aborted) {
        const pause = clock.sleep(resolutionMs, signal).catch(() => undefined);
        if (clock.monotonic() - askedAtMs < restAfterMs) {
          await pause;
          if (!signal.aborted)
            await scrapeOnce().catch((err: unknown) =>
              log.warn({ err }, "the nodes could not be listed for their usage"),
            );
        } else {
          wake = Promise.withResolvers();
          const stopped = Promise.withResolvers<void>();
          signal.addEventListener("abort", () => stopped.resolve(), { once: true });
          await Promise.race([wake.promise, stopped.promise]);
        }
      }
    },
  };
}

function fetchMetrics(node: Node, tls: AgentTls, agent: Agent): Promise<string> {
  const target = agentOf(node, tls);
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        ...{ host: target.host, port: target.port, path: "/metrics/resource", agent, timeout: timeoutMs },
        ...{ cert: tls.cert, key: tls.key, ca: tls.ca, rejectUnauthorized: tls.ca !== undefined },
      },
      (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > largestAnswerBytes) response.destroy(new Error("the answer is too large"));
          else chunks.push(chunk);
        });
        response.on("error", reject);
        response.on("end", () => {
          if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString());
          else reject(new Error(`the agent answered ${response.statusCode}`));
        });
      },
    );
    asked.on("timeout", () => asked.destroy(new Error("the agent does not answer in time")));
    asked.on("error", reject);
    asked.end();
  });
}
