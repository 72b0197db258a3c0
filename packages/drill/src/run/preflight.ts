// What must be true before anything is broken: everything is well, the store has a member to lose, and the fault can be had at all.
import { nodes } from "@coxswain/api/core/v1";
import type { Client } from "@coxswain/client";
import type { Target } from "../cluster/target.ts";
import { masters, workers } from "../cluster/target.ts";
import type { Drill } from "../drills/drill.ts";
import { clusterFaults } from "../faults/cluster/catalogue.ts";
import type { FaultName } from "../faults/cluster/catalogue.ts";

/** Reasons not to begin; none when all is well. */
export async function preflight(drill: Drill, target: Target, client: Client): Promise<readonly string[]> {
  const { needs } = drill;
  const wanted = faultsOf(drill);
  const cannot = wanted.flatMap((name) => {
    const why = clusterFaults[name].available(target);
    return why === undefined ? [] : [`the fault "${clusterFaults[name].name}" cannot be had: ${why}`];
  });
  const standing = [
    // Of several, those that can be had are enough.
    ...(cannot.length < wanted.length && wanted.length > 1 ? [] : cannot),
    ...(masters(target).length < (needs.masters ?? 1)
      ? [`it takes ${needs.masters} masters, there are ${masters(target).length}`]
      : []),
    ...(workers(target).length < (needs.workers ?? 1)
      ? [`it takes ${needs.workers ?? 1} workers, there are ${workers(target).length}`]
      : []),
    ...(drill.load.store && target.store === undefined ? ["nobody gave a certificate for the store"] : []),
  ];
  return standing.length > 0 ? standing : [...(await unwell(target, client)), ...(await margin(target, drill))];
}

export const faultsOf = ({ fault }: Drill): readonly FaultName[] => (typeof fault === "string" ? [fault] : fault);

/** What of the cluster does not answer or is not ready. */
export async function unwell(target: Target, client: Client): Promise<readonly string[]> {
  const ill = await Promise.all(
    masters(target).map(async ({ name }) => {
      const own = target.client(name, "only");
      try {
        const answer = await own.request({ method: "GET", path: "/readyz", signal: AbortSignal.timeout(5000) });
        return answer.status === 200 ? [] : [`the API server of ${name} says ${answer.status}`];
      } catch (error) {
        return [`the API server of ${name} does not answer: ${(error as Error).message}`];
      } finally {
        await own.close();
      }
    }),
  );
  const unready = await client
    .resource(nodes)
    .list({ signal: AbortSignal.timeout(5000) })
    .then(({ items }) =>
      workers(target)
        .filter(({ name }) => {
          const node = items.find(({ metadata }) => metadata.name === name);
          return node?.status?.conditions?.find(({ type }) => type === "Ready")?.status !== "True";
        })
        .map(({ name }) => `node ${name} is not ready`),
    )
    .catch((error: unknown) => [`nodes cannot be listed: ${(error as Error).message}`]);
  const silent = (await storeMembers(target))
    .filter(({ answers }) => !answers)
    .map(({ name }) => `the store's member ${name} does not answer`);
  return [...new Set([...ill.flat(), ...unready, ...silent])];
}

/** Only a strike at masters can take a member of the store away. */
async function margin(target: Target, drill: Drill): Promise<readonly string[]> {
  const aims = faultsOf(drill).map((name) => (drill.aim ?? clusterFaults[name].usual).who);
  if (!aims.some((who) => who === "store-leader" || who === "each-master")) return [];
  const members = await storeMembers(target);
  const spare = members.filter(({ answers }) => answers).length - (Math.floor(members.length / 2) + 1);
  return members.length > 0 && spare < 1 ? ["the store has no member to lose: a strike may take the cluster down"] : [];
}

async function storeMembers(target: Target): Promise<readonly { readonly name: string; readonly answers: boolean }[]> {
  const { store } = target;
  if (store === undefined) return [];
  return Promise.all(
    store.names().map(async (name) => {
      const client = store.connect(name);
      const answers = await client.maintenance.status({}, { timeoutMs: 3000 }).then(
        ({ leader }) => leader !== 0n,
        () => false,
      );
      client.close();
      return { name, answers };
    }),
  );
}
