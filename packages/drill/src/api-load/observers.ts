// What is looked at while a drill runs: leases of leaders, the store's leader, ready pods, and what the container engines of all
// machines say about the drill's own containers. Nothing here acts.
import { leases } from "@coxswain/api/coordination/v1";
import type { Client } from "@coxswain/client";
import type { Clock } from "@coxswain/clock";
import type { Target } from "../cluster/target.ts";
import { workers } from "../cluster/target.ts";
import type { ContainerEvent, LeaseSeen } from "../recording.ts";
import { readyWebs } from "./canary.ts";

export interface Observers {
  readonly leases: LeaseSeen[];
  readonly storeLeaders: { readonly at: number; readonly leader: string }[];
  readonly containers: ContainerEvent[];
  readonly readiness: { readonly at: number; readonly ready: number }[];
  /** Who leads now, as far as was seen. */
  leader(lease: string): string | undefined;
  stop(): Promise<void>;
}

const lookEveryMs = 300;

export function startObservers(target: Target, namespace: string, clock: Clock): Observers {
  const stopping = new AbortController();
  const { signal } = stopping;
  const client = target.client();
  const seen: Omit<Observers, "leader" | "stop"> = { leases: [], storeLeaders: [], containers: [], readiness: [] };
  /** Does it again and again; what fails is looked at again. */
  const again = async (work: () => Promise<void>): Promise<void> => {
    while (!signal.aborted) {
      await work().catch(() => undefined);
      await clock.sleep(lookEveryMs, signal).catch(() => undefined);
    }
  };
  const jobs = [
    again(async () => watchLeases(client, seen.leases, clock, signal)),
    again(async () => {
      seen.readiness.push({ at: clock.now(), ready: await readyWebs(client, namespace) });
    }),
    ...(target.store === undefined ? [] : [followStore(target, seen.storeLeaders, clock, signal, again)]),
    ...workers(target).map(({ name }) =>
      again(() => followEngine(target, name, namespace, seen.containers, clock, signal)),
    ),
  ];
  return {
    ...seen,
    leader: (lease) => seen.leases.findLast((each) => each.lease === lease)?.holder,
    async stop() {
      stopping.abort();
      await Promise.all(jobs);
      await client.close();
    },
  };
}

async function watchLeases(client: Client, seen: LeaseSeen[], clock: Clock, signal: AbortSignal): Promise<void> {
  const resource = client.resource(leases);
  const note = (lease: Awaited<ReturnType<typeof resource.get>>): void => {
    const { name, resourceVersion = "0" } = lease.metadata;
    if (name !== "kube-scheduler" && name !== "kube-controller-manager") return;
    if (seen.some((each) => each.lease === name && each.resourceVersion === resourceVersion)) return;
    const { holderIdentity, leaseTransitions, leaseDurationSeconds, renewTime, acquireTime } = lease.spec ?? {};
    seen.push({
      at: clock.now(),
      lease: name,
      holder: holderIdentity ?? "",
      transitions: leaseTransitions ?? 0,
      durationSeconds: leaseDurationSeconds ?? 0,
      renewMs: Date.parse(renewTime ?? "") || 0,
      acquireMs: Date.parse(acquireTime ?? "") || 0,
      resourceVersion,
    });
  };
  const namespace = "kube-system";
  const listed = await resource.list({ namespace, signal });
  listed.items.forEach(note);
  for await (const event of resource.watch({ namespace, resourceVersion: listed.metadata.resourceVersion, signal }))
    if (event.type === "ADDED" || event.type === "MODIFIED") note(event.object);
}

/** Who says of itself that it leads; a change is noted. */
async function followStore(
  target: Target,
  seen: { at: number; leader: string }[],
  clock: Clock,
  signal: AbortSignal,
  again: (work: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const { store } = target;
  if (store === undefined) return;
  const clients = store.names().map((name) => ({ name, client: store.connect(name) }));
  await again(async () => {
    const said = await Promise.all(
      clients.map(async ({ name, client }) => {
        const status = await client.maintenance.status({}, { timeoutMs: 1000, signal }).catch(() => undefined);
        return status !== undefined && status.leader !== 0n && status.leader === status.header?.memberId
          ? { name, term: status.raftTerm }
          : undefined;
      }),
    );
    const leaders = said.filter((each) => each !== undefined).toSorted((a, b) => Number(b.term) - Number(a.term));
    const leader = leaders[0]?.name ?? "";
    if (seen.at(-1)?.leader !== leader) seen.push({ at: clock.now(), leader });
  });
  for (const { client } of clients) client.close();
}

const marks = [
  "io.kubernetes.pod.namespace",
  "io.kubernetes.pod.name",
  "io.kubernetes.pod.uid",
  "io.kubernetes.container.name",
] as const;

/** First what runs, then what happens, until the engine ends; events from just before may come twice, which does no harm. */
async function followEngine(
  target: Target,
  machine: string,
  namespace: string,
  seen: ContainerEvent[],
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const filter = ["--filter", `label=${marks[0]}=${namespace}`, "--filter", "label=coxswain.io/kind=container"];
  const since = (clock.now() / 1000).toFixed(3);
  for (const each of await runningContainers(target, machine, filter))
    seen.push({ ...each, at: clock.now(), event: "seen" });
  const args = [
    "events",
    ...filter,
    "--filter",
    "event=start",
    "--filter",
    "event=die",
    "--since",
    since,
    "--format",
    "{{json .}}",
  ];
  await target.engineLines(
    machine,
    args,
    (line) => {
      const event = JSON.parse(line) as {
        Action: "start" | "die";
        timeNano: number;
        Actor: { ID: string; Attributes: Record<string, string> };
      };
      const labels = event.Actor.Attributes;
      seen.push({
        at: event.timeNano / 1e6,
        machine,
        id: event.Actor.ID,
        pod: labels[marks[1]] ?? "",
        uid: labels[marks[2]] ?? "",
        container: labels[marks[3]] ?? "",
        event: event.Action,
      });
    },
    signal,
  );
}

export async function runningContainers(
  target: Target,
  machine: string,
  filter: readonly string[],
): Promise<readonly Pick<ContainerEvent, "machine" | "id" | "pod" | "uid" | "container">[]> {
  const format = `{{.ID}} ${marks
    .slice(1)
    .map((mark) => `{{.Label "${mark}"}}`)
    .join(" ")}`;
  const text = await target.engine(
    machine,
    ["ps", "--no-trunc", ...filter, "--format", format],
    AbortSignal.timeout(10_000),
  );
  return text
    .trim()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [id = "", pod = "", uid = "", container = ""] = line.split(" ");
      return { machine, id, pod, uid, container };
    });
}
