// One machine of the simulated cluster: a disk, a clock, and at most one store process on it, which is the store's own assembly with
// simulated ports. It can be switched off, killed, stopped, paused and wiped. What to do when is decided elsewhere.
import { createStore } from "@coxswain/store";
import type { StoreConfig, StorePorts } from "@coxswain/store";
import { createLocalServer, quietMetrics } from "@coxswain/store/testing";
import type { LocalClient, LocalServer } from "@coxswain/store/testing";
import type { Dice } from "../world/dice.ts";
import { SimDisk } from "../world/disk.ts";
import type { Network } from "../world/network.ts";
import { SimPairs } from "../world/pairs.ts";
import { SimProcess, createOscillator } from "../world/process.ts";
import type { Oscillator } from "../world/process.ts";
import type { World } from "../world/world.ts";
import type { Observer } from "./observer.ts";

type Component = ReturnType<typeof createStore>;

/** How a store ends by itself: it does not start, fails, or goes because it is no member any more. */
export type Ending = "refused" | "died" | "left";

export type MachineState =
  | { readonly is: "off" }
  | {
      readonly is: "starting" | "serving";
      readonly process: SimProcess;
      readonly component: Component;
      server?: LocalServer;
    }
  /** The store ended by itself: it refused to start, or died. */
  | { readonly is: "ended"; readonly how: Ending; readonly reason: string };

export interface MachineEvents {
  /** The process ended by itself. */
  readonly ended: (machine: Machine, how: Ending, reason: string) => void;
}

export class Machine {
  readonly name: string;
  readonly peerUrl: string;
  readonly disk: SimDisk;
  readonly oscillator: Oscillator = createOscillator();
  readonly #pairs: SimPairs;
  readonly #world: World;
  readonly #network: Network;
  readonly #dice: Dice;
  readonly #observer: Observer;
  readonly #events: MachineEvents;
  #state: MachineState = { is: "off" };
  #boots = 0;

  constructor(
    name: string,
    ports: { world: World; network: Network; dice: Dice; observer: Observer; events: MachineEvents },
  ) {
    this.name = name;
    this.peerUrl = `http://${name}.sim:2380`;
    this.#world = ports.world;
    this.#network = ports.network;
    this.#dice = ports.dice.fork(name);
    this.#observer = ports.observer;
    this.#events = ports.events;
    this.disk = new SimDisk(this.#dice.fork("disk"));
    this.#pairs = new SimPairs(this.#dice.fork("pairs"), this.disk.faults);
  }

  get state(): MachineState {
    return this.#state;
  }

  get process(): SimProcess | undefined {
    return "process" in this.#state ? this.#state.process : undefined;
  }

  /** The services, once the member serves clients. */
  get client(): LocalClient | undefined {
    return "process" in this.#state && this.#state.process.alive ? this.#state.server?.client : undefined;
  }

  /** Undefined: it refused, died over it, or did not answer in time. */
  ask<T>(work: (client: LocalClient) => Promise<T>, patienceMs: number = 2000): Promise<T | undefined> {
    const { client, process } = this;
    if (!client || !process) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const patience = this.#world.schedule(patienceMs * 1000, `${this.name} has not answered`, () =>
        resolve(undefined),
      );
      const settle = (answer: T | undefined): void => {
        if (!process.alive) return;
        patience.cancel();
        resolve(answer);
      };
      work(client).then(settle, () => settle(undefined));
    });
  }

  boot(config: StoreConfig): void {
    if ("process" in this.#state) return;
    const boot = ++this.#boots;
    this.#observer.found(this.name, newestRevision(this.#pairs.keys()));
    this.#world.note(`${this.name} boots`);
    const process = new SimProcess(this.name, this.#world, this.oscillator, this.#dice.fork(`boot ${boot}`), (error) =>
      this.#end(process, "died", describe(error)),
    );
    let server: LocalServer | undefined;
    const ports = this.#portsOf(process, (made) => {
      server = made;
    });
    const component = createStore(config, ports);
    const state: MachineState = {
      is: "starting",
      process,
      component,
      get server() {
        return server;
      },
    } as MachineState;
    this.#state = state;
    component.start(new AbortController().signal).then(
      () => {
        if (this.#state === state && process.alive) this.#world.note(`${this.name} has started`);
      },
      (error: unknown) => this.#end(process, "refused", describe(error)),
    );
  }

  /** SIGKILL: what was written stays. */
  kill(): void {
    const { process } = this;
    if (!process) return;
    this.#world.note(`${this.name} is killed`);
    process.kill();
    this.#network.processDied(process);
    this.#state = { is: "off" };
  }

  /** The power fails: what was not synced is gone. */
  losePower(): void {
    this.#world.note(`${this.name} loses power`);
    const { process } = this;
    process?.kill();
    if (process) this.#network.powerFailed(process);
    this.disk.losePower();
    this.#pairs.losePower();
    this.#state = { is: "off" };
  }

  /** SIGTERM. Resolves when it has stopped, or something else ended it. */
  async stop(): Promise<void> {
    const state = this.#state;
    if (!("process" in state)) return;
    this.#world.note(`${this.name} is told to stop`);
    // What goes wrong then, a full disk for one, is logged by the real daemon, which ends all the same.
    await state.component
      .stop()
      .catch((error: unknown) => this.#world.note(`${this.name} stopped badly: ${describe(error)}`));
    if (this.#state === state) this.kill();
  }

  /** A new disk. */
  wipe(): void {
    this.kill();
    this.disk.wipe();
    this.#pairs.wipe();
    this.#observer.wiped(this.name);
  }

  #portsOf(process: SimProcess, onServer: (server: LocalServer) => void): StorePorts {
    const journal = (level: string) => (fields: Readonly<Record<string, unknown>>, message: string) =>
      this.#observer.logged(this.name, level, message, fields);
    const log: StorePorts["log"] = {
      debug: () => undefined,
      info: journal("info"),
      warn: journal("warn"),
      error: journal("error"),
      child: () => log,
    };
    const die = (reason: string, cause: unknown): void => this.#end(process, "died", `${reason}: ${describe(cause)}`);
    return {
      clock: process.clock,
      random: process.random,
      log,
      metrics: quietMetrics,
      // A real process is gone when this is called; here nothing can happen to it any more.
      die: die as StorePorts["die"],
      end: (reason) => this.#end(process, "left", reason),
      disk: this.disk.of(process),
      openBackend: async () => this.#observer.watch(this.name, this.#pairs.open(process)),
      createTransport: this.#network.transportFor(this.name, process),
      askCluster: this.#network.askCluster(this.name, process),
      createServer: (options) => {
        const server = createLocalServer(options);
        onServer(server);
        return server;
      },
    };
  }

  #end(process: SimProcess, how: Ending, reason: string): void {
    if (!process.alive) return;
    process.kill();
    this.#network.processDied(process);
    this.#world.note(`${this.name} ${how}: ${reason}`);
    this.#state = { is: "ended", how, reason };
    this.#events.ended(this, how, reason);
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** From the keys of mvcc's records: the revision, big endian, after the table's letter. */
function newestRevision(keys: Iterable<string>): number {
  let newest = "";
  for (const key of keys) if (key.startsWith("k") && key > newest) newest = key;
  return newest === "" ? 0 : Number(Buffer.from(newest, "latin1").readBigUInt64BE(1));
}
