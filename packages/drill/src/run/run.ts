// One drill from beginning to end: preflight, load, steady state, strikes from a seeded schedule each with healing and recovery, convergence,
// the last look, clean-up. What was seen goes into a recording; judging it is not done here. Whatever happens, it heals and cleans up.
import type { Client } from "@coxswain/client";
import type { Clock, Random } from "@coxswain/clock";
import { missingOf, plantCanary, plantServices, removeCanary, rollOut } from "../api-load/canary.ts";
import { startObservers } from "../api-load/observers.ts";
import type { Observers } from "../api-load/observers.ts";
import { startRequests, untilAnswered } from "../api-load/requests.ts";
import type { Requests } from "../api-load/requests.ts";
import { startWatcher } from "../api-load/watchers.ts";
import { readFinal, startWriters } from "../api-load/writers.ts";
import type { Writers } from "../api-load/writers.ts";
import { describe, undoAll } from "../cluster/action.ts";
import type { Action } from "../cluster/action.ts";
import { masters, workers } from "../cluster/target.ts";
import type { Target } from "../cluster/target.ts";
import type { Drill, Pace } from "../drills/drill.ts";
import { clusterFaults } from "../faults/cluster/catalogue.ts";
import type { FaultName } from "../faults/cluster/catalogue.ts";
import type { EndState, Probe, Recording, Strike } from "../recording.ts";
import { takeAim } from "./aim.ts";
import { lookAtEnd } from "./end-state.ts";
import type { Journal } from "./journal.ts";
import { lostWithPower } from "./lost-with-power.ts";
import { faultsOf, preflight, unwell } from "./preflight.ts";
import { prepareProbes, probe } from "./probes.ts";
import { waitFor } from "./signals.ts";
import { startStoreLoad } from "./store-load.ts";
import type { StoreLoad } from "./store-load.ts";

export interface RunConfig {
  readonly id: string;
  readonly seed: number;
  readonly command: string;
  readonly pace: Pace;
  /** Strikes go on so long; without it, as many as the drill says. */
  readonly forMs?: number | undefined;
  readonly steadyMs: number;
}

export interface RunPorts {
  readonly target: Target;
  readonly clock: Clock;
  readonly random: Random;
  readonly journal: Journal;
  readonly say: (text: string) => void;
  readonly loadAverage: () => number;
  /** The driver is asked to stop: it heals and cleans up. */
  readonly signal: AbortSignal;
}

const watchersCount = 3;
const canaryReadyMs = 120_000;
const catchUpMs = 60_000;
/** From the making of the last of many services to the rules of every worker. */
const mostProgrammingSeconds = 120;
/** A cluster that is made anew on six machines takes its time. */
const mostHealingMs = 180_000;

export async function runDrill(drill: Drill, config: RunConfig, ports: RunPorts): Promise<Recording> {
  const { target, clock, say, journal } = ports;
  const client = target.client();
  const phases: { name: string; from: number; to: number }[] = [];
  const phase = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const from = clock.now();
    say(`${name} …`);
    try {
      return await work();
    } finally {
      phases.push({ name, from, to: clock.now() });
    }
  };
  const state: State = {
    strikes: [],
    failures: [],
    probes: [],
    unhealed: [],
    writers: undefined,
    watchers: [],
    requests: undefined,
    observers: undefined,
    store: undefined,
    end: undefined,
    finalObjects: undefined,
  };
  const before = ports.loadAverage();
  const namespace = `drill-${config.id}`.toLowerCase();
  let versions: Readonly<Record<string, string>> = {};
  try {
    const reasons = await phase("preflight", () => preflight(drill, target, client));
    state.failures.push(...reasons);
    if (reasons.length === 0) {
      versions = await target.versions();
      await journal.write({ at: clock.now(), kind: "made", namespace, prefix: `${namespace}/` });
      await phase("load", () => startAll(drill, ports, client, namespace, state));
      await phase("steady state", () => clock.sleep(config.steadyMs, ports.signal));
      await phase("strikes", () => strikeAll(drill, config, ports, client, namespace, state));
      await phase("convergence", () => converge(drill, ports, client, namespace, state));
    }
  } catch (error) {
    state.failures.push(ports.signal.aborted ? "the drill was stopped" : (error as Error).message);
  }
  await phase("clean-up", () => finish(ports, client, namespace, state)).catch((error: unknown) => {
    state.failures.push(`cleaning up: ${(error as Error).message}`);
  });
  await client.close();
  const { store, observers } = state;
  return {
    format: 1,
    id: config.id,
    drill: drill.id,
    pace: config.pace,
    seed: config.seed,
    command: config.command,
    target: {
      kind: target.kind,
      name: target.name,
      machines: target.machines.map(
        ({ name, master, worker }) => `${name}${master ? " master" : ""}${worker ? " worker" : ""}`,
      ),
    },
    versions,
    loadAverage: { before, after: ports.loadAverage() },
    phases,
    strikes: state.strikes,
    failures: state.failures,
    writes: state.writers?.writes ?? [],
    watches: state.watchers.map(({ watch, complete }) => watch.record(complete)),
    finalObjects: state.finalObjects,
    leases: observers?.leases ?? [],
    storeLeaders: observers?.storeLeaders ?? [],
    requests: state.requests?.seen ?? [],
    containers: [...(observers?.containers ?? []), ...lostWithPower(observers?.containers ?? [], state.strikes)],
    end: state.end,
    readiness: observers?.readiness ?? [],
    probes: state.probes,
    store: store?.recording,
  };
}

interface State {
  readonly strikes: Strike[];
  readonly failures: string[];
  readonly probes: Probe[];
  /** What the strike of this moment does. */
  unhealed: readonly Action[];
  writers: Writers | undefined;
  readonly watchers: { readonly watch: ReturnType<typeof startWatcher>; readonly client: Client; complete: boolean }[];
  requests: Requests | undefined;
  observers: Observers | undefined;
  store: StoreLoad | undefined;
  end: EndState | undefined;
  finalObjects: Recording["finalObjects"];
}

async function startAll(drill: Drill, ports: RunPorts, client: Client, namespace: string, state: State): Promise<void> {
  const { target, clock, random, say } = ports;
  const canary = await plantCanary(client, namespace);
  state.observers = startObservers(target, namespace, clock);
  const clients = masters(target).map(({ name }) => target.client(name));
  for (let index = 0; index < watchersCount; index += 1) {
    const own = clients[index % clients.length] as Client;
    state.watchers.push({ watch: startWatcher(index + 1, own, namespace, clock), client: own, complete: false });
  }
  await until(clock, canaryReadyMs, "the canary", () => missingOf(client, namespace), ports.signal);
  if (drill.load.services !== undefined) {
    const last = await plantServices(client, namespace, drill.load.services);
    say(`  ${drill.load.services} more services`);
    const question = { address: last, mostSeconds: mostProgrammingSeconds };
    for (const { name } of workers(target)) await untilAnswered(target, name, question, ports.signal);
  }
  state.writers = startWriters(
    { namespace, writers: drill.load.writers, objectsPerWriter: 4, pauseMs: 50, timeoutMs: 10_000 },
    clients,
    { clock, random },
  );
  const from = workers(target)[0];
  if (drill.load.requestsPerSecond > 0 && from !== undefined)
    state.requests = startRequests(target, from.name, canary.address, drill.load.requestsPerSecond);
  if (drill.load.store) state.store = await startStoreLoad(target, `${namespace}/`, { clock, random });
  say(
    `  web at ${canary.address}, ${drill.load.writers} writers, ${watchersCount} watches${drill.load.requestsPerSecond > 0 ? `, ${drill.load.requestsPerSecond} requests a second` : ""}${drill.load.store ? ", operations on the store" : ""}`,
  );
}

async function strikeAll(
  drill: Drill,
  config: RunConfig,
  ports: RunPorts,
  client: Client,
  namespace: string,
  state: State,
): Promise<void> {
  const { clock, random, signal } = ports;
  const deadline = config.forMs === undefined ? Number.POSITIVE_INFINITY : clock.now() + config.forMs;
  const most = config.forMs === undefined ? drill.strikes : Number.POSITIVE_INFINITY;
  const having = faultsOf(drill).filter((name) => {
    const why = clusterFaults[name].available(ports.target);
    if (why !== undefined) ports.say(`  left out: ${clusterFaults[name].name}: ${why}`);
    return why === undefined;
  });
  for (let number = 1; number <= most && clock.now() < deadline; number += 1) {
    signal.throwIfAborted();
    const fault = having[(number - 1) % Math.max(1, having.length)];
    if (fault === undefined) throw new Error("no fault can be had");
    await strikeOnce(drill, fault, number, ports, client, namespace, state);
    await clock.sleep(1000 + random.int(2000), signal);
  }
}

async function strikeOnce(
  drill: Drill,
  faultName: FaultName,
  number: number,
  ports: RunPorts,
  client: Client,
  namespace: string,
  state: State,
): Promise<void> {
  const { target, clock, journal, say } = ports;
  const { observers, writers, requests } = state;
  if (observers === undefined) throw new Error("nobody observes");
  const fault = clusterFaults[faultName];
  const rule = drill.aim ?? fault.usual;
  const sight = { target, client, observers, namespace, clientsOn: workers(target)[0]?.name, random: ports.random };
  const aim = await takeAim(rule, number, sight);
  const actions: readonly Action[] = fault.inject(aim, target);
  const said = [aim.daemon, aim.machine].filter(Boolean).join(" on ");
  await journal.write({ at: clock.now(), kind: "injecting", actions });
  state.unhealed = actions;
  const evidence = {
    clock,
    client,
    namespace,
    target,
    observers,
    writes: writers?.writes ?? [],
    requests: requests?.seen ?? [],
    before: {
      storeLeader: observers.storeLeaders.at(-1)?.leader ?? "",
      leases: {
        "kube-scheduler": observers.leader("kube-scheduler") ?? "",
        "kube-controller-manager": observers.leader("kube-controller-manager") ?? "",
      },
    },
    machine: aim.machine,
    lease: rule.who === "lease-holder" ? rule.lease : undefined,
  };
  await prepareProbes(drill.probes ?? [], client, namespace);
  const at = clock.now();
  let failed: string | undefined;
  const perform = async (action: Action): Promise<void> =>
    action.act === "roll-out" ? rollOut(client, namespace, `${at}`) : target.perform(action);
  await Promise.all(actions.map(perform)).catch((error: unknown) => {
    failed = `${describe(actions[0] as Action)} could not be done: ${(error as Error).message}`;
  });
  const detecting =
    drill.detect === undefined || failed !== undefined
      ? undefined
      : waitFor(drill.detect, at, Math.max(60_000, drill.holdMs), evidence);
  const holdEnd = at + drill.holdMs;
  const recoveringFrom =
    failed === undefined && drill.recoverFrom === undefined
      ? waitFor(drill.recover, at, Math.max(60_000, drill.holdMs), evidence)
      : Promise.resolve(undefined);
  // What was so before the strike is not recovery: a node that is lost must be noticed first.
  const recovering =
    drill.detect === "node-not-ready"
      ? detecting?.then((ms) => (ms === undefined ? undefined : waitFor(drill.recover, at, 60_000, evidence)))
      : recoveringFrom;
  for (const name of failed === undefined ? (drill.probes ?? []) : [])
    state.probes.push(await probe(name, number, { target, client, namespace, clock }));
  if (clock.now() < holdEnd) await clock.sleep(holdEnd - clock.now(), ports.signal).catch(() => undefined);
  const healingAt = clock.now();
  const wholeAgain =
    failed === undefined && drill.recoverFrom === "healing"
      ? waitFor(drill.recover, healingAt, mostHealingMs, evidence)
      : recovering;
  await heal(fault.heal(actions), ports);
  state.unhealed = [];
  const healedAt = clock.now();
  const [detectMs, recoverMs] = await Promise.all([detecting, wholeAgain]);
  const enough = healedAt + (drill.afterMs ?? 0);
  if (clock.now() < enough) await clock.sleep(enough - clock.now(), ports.signal).catch(() => undefined);
  await until(
    clock,
    drill.bounds.convergeMs,
    "the cluster",
    async () => (await unwell(target, client)).at(0),
    ports.signal,
  ).catch((error: unknown) => {
    failed ??= (error as Error).message;
  });
  if (failed !== undefined) state.failures.push(`strike ${number}: ${failed}`);
  say(
    `  ${number}. ${fault.name}${said === "" ? "" : `: ${said}`}${detectMs === undefined ? "" : `, noticed after ${Math.round(detectMs)} ms`}${recoverMs === undefined ? "" : `, recovered after ${Math.round(recoverMs)} ms`}${failed === undefined ? "" : ` ✗ ${failed}`}`,
  );
  state.strikes.push({
    number,
    fault: fault.name,
    aim: said,
    actions,
    at,
    healingAt,
    healedAt,
    ...(detectMs === undefined ? {} : { detectMs }),
    ...(recoverMs === undefined ? {} : { recoverMs }),
    ...(failed === undefined ? {} : { failed }),
  });
}

async function heal(undoings: readonly Action[], { target, journal, clock }: RunPorts): Promise<void> {
  for (const undo of undoings) await target.perform(undo);
  await journal.write({ at: clock.now(), kind: "healed", by: "driver" });
}

async function converge(drill: Drill, ports: RunPorts, client: Client, namespace: string, state: State): Promise<void> {
  const { clock, target } = ports;
  const healed = state.strikes.at(-1)?.healedAt ?? clock.now();
  let missing = "";
  const question = async (): Promise<string | undefined> => {
    const ill = (await unwell(target, client)).at(0) ?? (await missingOf(client, namespace));
    missing = ill ?? "";
    return ill;
  };
  const whole = await until(clock, drill.bounds.convergeMs, "the cluster", question, ports.signal).then(
    () => true,
    () => false,
  );
  const convergedMs = whole ? clock.now() - healed : undefined;
  await state.requests?.stop();
  await state.writers?.stop();
  state.finalObjects = await readFinal(client, namespace, clock, catchUpMs);
  const last = (state.writers?.writes ?? []).reduce(
    (most, { outcome }) =>
      outcome.kind === "ok" && outcome.resourceVersion !== "" && BigInt(outcome.resourceVersion) > most
        ? BigInt(outcome.resourceVersion)
        : most,
    0n,
  );
  const deadline = clock.now() + catchUpMs;
  for (const watcher of state.watchers) {
    while (watcher.watch.position() < last && clock.now() < deadline) await clock.sleep(50);
    watcher.complete = watcher.watch.position() >= last;
  }
  await state.store?.stop();
  state.end = await lookAtEnd(target, client, namespace, { convergedMs, missing });
}

/** Ends everything, in whichever state a failure has left it. */
async function finish(ports: RunPorts, client: Client, namespace: string, state: State): Promise<void> {
  const { target, clock, journal } = ports;
  const failures: unknown[] = [];
  const quietly = async (work: (() => Promise<unknown>) | undefined): Promise<void> => {
    await work?.().catch((error: unknown) => failures.push(error));
  };
  // Undone once more: an action may have been interrupted between its doing and its healing.
  for (const undo of undoAll(state.unhealed)) await quietly(() => target.perform(undo));
  await quietly(state.requests?.stop);
  await quietly(state.writers?.stop);
  for (const { watch, client: own } of state.watchers) {
    await quietly(watch.close);
    await quietly(() => own.close());
  }
  await quietly(state.observers?.stop);
  await quietly(state.store?.stop);
  await quietly(state.store?.remove);
  await quietly(() => removeCanary(client, namespace, clock));
  if (failures.length > 0) throw failures[0];
  await journal.write({ at: clock.now(), kind: "finished" });
}

/** Asks until nothing is missing; throws what still is when the time is over. */
async function until(
  clock: Clock,
  withinMs: number,
  what: string,
  missing: () => Promise<string | undefined>,
  signal: AbortSignal,
): Promise<void> {
  const deadline = clock.now() + withinMs;
  for (;;) {
    const now = await missing().catch((error: unknown) => (error as Error).message);
    if (now === undefined) return;
    if (clock.now() >= deadline) throw new Error(`${what} is not whole after ${withinMs / 1000} s: ${now}`);
    await clock.sleep(250, signal);
  }
}
