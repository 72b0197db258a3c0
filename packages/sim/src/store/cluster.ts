// The machines of a simulated cluster and their settings: which there are, who leads, who is to be started again. It decides nothing
// about faults.
import type { StoreConfig } from "@coxswain/store";
import { defaultConfig } from "@coxswain/store/testing";
import type { Dice } from "../world/dice.ts";
import { Network } from "../world/network.ts";
import { setRate } from "../world/process.ts";
import type { World } from "../world/world.ts";
import { Machine } from "./machine.ts";
import type { Ending } from "./machine.ts";
import type { Observer } from "./observer.ts";
import type { Plan } from "./plan.ts";

/** A supervisor starts a store that ended by itself again after this long. */
const restartMs = 300;

export class Cluster {
  readonly network: Network;
  readonly #world: World;
  readonly #dice: Dice;
  readonly #plan: Plan;
  readonly #observer: Observer;
  readonly #machines = new Map<string, Machine>();
  readonly #configs = new Map<string, StoreConfig>();
  /** Machines that are off on purpose: nobody starts them before the fault is over. */
  readonly #heldDown = new Set<Machine>();
  /** Machines whose disk was damaged: only the operator touches them. */
  readonly #suspects = new Set<Machine>();
  #machineNumber = 0;

  constructor(world: World, dice: Dice, plan: Plan, observer: Observer) {
    this.#world = world;
    this.#dice = dice;
    this.#plan = plan;
    this.#observer = observer;
    this.network = new Network(world, dice.fork("network"), (host, message) => observer.sent(host, message));
    this.network.faults.latency = plan.latencyMicros;
  }

  get machines(): readonly Machine[] {
    return [...this.#machines.values()];
  }

  get suspects(): ReadonlySet<Machine> {
    return this.#suspects;
  }

  /** Those that clients use. */
  get trusted(): readonly Machine[] {
    return this.machines.filter((machine) => !this.#suspects.has(machine));
  }

  found(): void {
    const first = Array.from({ length: this.#plan.members }, () => this.#add());
    const members = first.map(({ name, peerUrl }) => ({ name, peerUrls: [peerUrl] }));
    for (const machine of first) {
      this.#configs.set(machine.name, this.#configOf(machine, members, "new"));
      this.start(machine);
    }
  }

  /** A new machine, whose store is not started before it is a member. */
  add(): Machine {
    return this.#add();
  }

  /** Its store joins a cluster in which these are. */
  join(machine: Machine, others: readonly string[]): void {
    const members = [
      { name: machine.name, peerUrls: [machine.peerUrl] },
      ...others.map((url, position) => ({ name: `other${position}`, peerUrls: [url] })),
    ];
    this.#configs.set(machine.name, this.#configOf(machine, members, "existing"));
    this.start(machine);
  }

  /** It is no machine of this cluster any more. */
  remove(machine: Machine): void {
    machine.wipe();
    this.network.readmit(machine.name);
    this.#suspects.delete(machine);
    this.#heldDown.delete(machine);
    this.#machines.delete(machine.name);
    this.#configs.delete(machine.name);
  }

  start(machine: Machine): void {
    const config = this.#configs.get(machine.name);
    if (config && !this.#heldDown.has(machine)) machine.boot(config);
  }

  holdDown(machine: Machine): void {
    this.#heldDown.add(machine);
  }

  release(machine: Machine): void {
    this.#heldDown.delete(machine);
    if (!this.#suspects.has(machine)) this.start(machine);
  }

  /** Its store was told whom to join. */
  hasJoined(machine: Machine): boolean {
    return this.#configs.has(machine.name);
  }

  /** Starts a suspect, whatever else holds it down. */
  startApart(machine: Machine): void {
    const config = this.#configs.get(machine.name);
    if (config) machine.boot(config);
  }

  suspect(machine: Machine): void {
    this.#suspects.add(machine);
  }

  /** The member that believes to lead in the newest term. */
  async leader(): Promise<Machine | undefined> {
    let found: { machine: Machine; term: number } | undefined;
    for (const machine of this.trusted) {
      if (machine.process?.paused) continue;
      const status = await machine.ask((client) => client.maintenance.status({}));
      if (!status || status.leader === 0n || status.leader !== status.header?.memberId) continue;
      if (!found || found.term < status.header.raftTerm) found = { machine, term: status.header.raftTerm };
    }
    return found?.machine;
  }

  /** Everything works again: links, disks, clocks, power. */
  heal(): void {
    this.network.cut([]);
    Object.assign(this.network.faults, { loss: 0, duplicate: 0, reorder: 0, delay: 0 });
    for (const machine of this.machines) {
      this.healDisk(machine);
      setRate(machine.oscillator, this.#world.now, 1);
      machine.process?.resume();
      this.release(machine);
    }
  }

  healDisk(machine: Machine): void {
    Object.assign(machine.disk.faults, {
      latency: this.#plan.diskMicros,
      full: false,
      failSync: 0,
      loseSync: 0,
      misdirect: 0,
    });
  }

  #add(): Machine {
    const name = `n${++this.#machineNumber}`;
    const machine = new Machine(name, {
      world: this.#world,
      network: this.network,
      dice: this.#dice,
      observer: this.#observer,
      events: { ended: (ended, how, reason) => this.#ended(ended, how, reason) },
    });
    this.healDisk(machine);
    this.#machines.set(name, machine);
    return machine;
  }

  /** A store may only end by itself when its disk gave it a reason. */
  #ended(machine: Machine, how: Ending, reason: string): void {
    // It was removed, and knows: nobody starts it again.
    if (how === "left") return;
    const { faults, damaged } = machine.disk;
    const world = /ENOSPC|EIO|no space left/.test(reason);
    const joining =
      how === "refused" &&
      /no member answered|has no member with the peer URL|permanently removed|was removed from its cluster/.test(
        reason,
      );
    if (!damaged && !world && !joining && !faults.full)
      this.#observer.fail("no member dies by itself", `${machine.name} ${how}: ${reason}`);
    if (this.#suspects.has(machine)) return;
    this.#world.schedule(restartMs * 1000, `${machine.name} is started again`, () => {
      if (this.#machines.get(machine.name) === machine && !this.#suspects.has(machine)) this.start(machine);
    });
  }

  #configOf(
    machine: Machine,
    members: StoreConfig["initial"]["members"],
    state: StoreConfig["initial"]["state"],
  ): StoreConfig {
    const { heartbeatMs, electionMs, snapshotCount, catchUpEntries, walSegmentBytes, quotaBytes } = this.#plan;
    const config = defaultConfig({
      name: machine.name,
      "data-dir": "/data",
      "listen-peer-urls": ["http://127.0.0.1:2380"],
      "initial-advertise-peer-urls": [machine.peerUrl],
      "initial-cluster": members.flatMap(({ name, peerUrls }) => peerUrls.map((url) => `${name}=${url}`)).join(","),
      "initial-cluster-state": state,
      "heartbeat-interval": heartbeatMs,
      "election-timeout": electionMs,
      "snapshot-count": snapshotCount,
      "snapshot-catchup-entries": catchUpEntries,
      "quota-backend-bytes": quotaBytes,
      "watch-progress-notify-interval": 700,
    });
    return { ...config, listenPeerUrls: [new URL(machine.peerUrl)], walSegmentBytes };
  }
}
