// Machines of the lab that run no pods have no node agent, and so no routes to those of the others. Their API servers need them: webhooks and
// aggregated servers are asked at their pods. A machine that is powered off and on has them again at the next start.
import { once } from "node:events";
import { nodes } from "@coxswain/api/core/v1";
import type { Client } from "@coxswain/client";
import type { Machines } from "./bring-up.ts";
import { Failure } from "./failure.ts";
import type { Machine } from "./machine.ts";

/** Call it when the nodes are ready: then each has its range. */
export async function routePods(client: Client, { masters, workers }: Machines, signal: AbortSignal): Promise<void> {
  const without = masters.filter((machine) => !workers.includes(machine));
  if (without.length === 0 || workers.length === 0) return;
  const { items } = await client.resource(nodes).list({ signal });
  for (const { name, address } of workers) {
    const node = items.find(({ metadata }) => metadata.name === name);
    for (const range of node?.spec?.podCIDRs ?? [])
      await Promise.all(without.map((machine) => route(machine, range, address)));
  }
}

async function route(machine: Machine, range: string, address: string): Promise<void> {
  const words = ["route", "replace", range, "via", address];
  const ip = machine.spawn("ip", words, { stdio: ["ignore", "ignore", "pipe"] });
  const said: string[] = [];
  ip.stderr?.on("data", (chunk: Buffer) => said.push(String(chunk)));
  const [code] = (await once(ip, "close")) as [number | null];
  if (code !== 0) throw new Failure(`ip ${words.join(" ")} in ${machine.name}: ${said.join("").trim()}`);
}
