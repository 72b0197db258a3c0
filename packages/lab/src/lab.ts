// A lab: several machines on one computer. A machine is a set of namespaces with a first process, a cable to the lab's
// bridge, a control group, a Docker Engine, and a directory. Verbs may be called by different runs of a tool: all state is
// in the lab's directory and in the kernel under the lab's names. Runs may meet (a drill's guardian and a person both take back
// what it did): what changes the power of one machine, or the cuts, is done by one after the other.
import type { ChildProcess, SpawnOptions } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, realpath, rm, writeFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import type { Clock } from "@coxswain/clock";
import { createBridgeFilter } from "@coxswain/netfilter";
import {
  addressOf,
  bridgeName,
  cableOf,
  cgroupOf,
  chooseTopology,
  filterChain,
  gatewayOf,
  mostMachines,
  places,
} from "./core/topology.ts";
import type { MachinePlace, Topology } from "./core/topology.ts";
import { LabError } from "./errors.ts";
import { clearGroups, freeze, isFrozen, makeGroups, removeGroups, settleGroups } from "./io/cgroup.ts";
import { answers, loadImages, startEngine } from "./io/engine.ts";
import { exclusively } from "./io/exclusive.ts";
import { ensureBridge, plugIn, removeBridge, unplug } from "./io/links.ts";
import { initPid, spawnInside, switchOff, switchOn } from "./io/power.ts";
import { readState, writeState } from "./io/state.ts";
import type { LabState, Link } from "./io/state.ts";

export interface LabMachine {
  readonly name: string;
  /** The address under which the other machines and the computer reach it. */
  readonly address: string;
  /** Kept while the machine is off; everything of the machine is in here. */
  readonly directory: string;
  /** For the programs that run in it. */
  readonly dataDirectory: string;
  readonly dockerSocket: string;
  readonly resolvConf: string;
  /** Starts a program in the machine; signals by `kill` reach the program. Throws when the machine is off. */
  spawn(command: string, args: readonly string[], options: SpawnOptions): ChildProcess;
}

export interface MachineStatus {
  readonly name: string;
  readonly address: string;
  readonly power: "on" | "off" | "paused";
  readonly engine: boolean;
  /** Machines that its packets do not reach. */
  readonly cutFrom: readonly string[];
}

export interface Lab {
  /** Makes the machines that are missing and switches on those that are off; what runs stays, and so does what a lab was first told to be. */
  up(count: number, options?: { readonly legacyIptables?: boolean }): Promise<readonly LabMachine[]>;
  /** Takes everything away, also what a crash has left. Harmless when there is nothing. */
  down(signal?: AbortSignal): Promise<void>;
  /** All machines, whether on or off. */
  machines(): Promise<readonly LabMachine[]>;
  status(): Promise<readonly MachineStatus[]>;
  /** Pulls the plug: nothing in the machine is told. Its directory stays. */
  off(name: string, signal?: AbortSignal): Promise<void>;
  /** Gives power and starts the engine, nothing else. */
  on(name: string, signal?: AbortSignal): Promise<void>;
  /** Stops all of a machine's processes without their knowledge, or lets them go on. */
  pause(name: string): Promise<void>;
  resume(name: string): Promise<void>;
  /** Drops what each `from` sends to its `to`, on all links from the same moment on. */
  cut(links: readonly Link[]): Promise<void>;
  /** Ends all cuts. */
  heal(): Promise<void>;
  /** Loads an archive of images into the engine of every machine that is on. */
  load(archive: string): Promise<void>;
}

/** A socket's path may have this many bytes. */
const longestSocketPath = 107;

export function createLab(config: { readonly directory: string }, ports: { readonly clock: Clock }): Lab {
  const { clock } = ports;
  const { directory } = config;
  const id = createHash("sha256").update(directory).digest("hex").slice(0, 4);
  const filter = createBridgeFilter({ chain: filterChain(id) });

  const known = async (): Promise<LabState> => {
    const state = await readState(directory);
    if (!state) throw new LabError("no-such-machine", `there is no lab in ${directory}`);
    return state;
  };
  const find = async (name: string): Promise<{ state: LabState; place: MachinePlace }> => {
    const state = await known();
    const place = state.machines.find((machine) => machine.name === name);
    if (!place)
      throw new LabError(
        "no-such-machine",
        `there is no machine ${name}; there are ${state.machines.map((machine) => machine.name).join(", ") || "none"}`,
      );
    return { state, place };
  };

  const directoryOf = (place: MachinePlace): string => join(directory, place.name);
  const machine = (topology: Topology, place: MachinePlace): LabMachine => {
    const own = directoryOf(place);
    return {
      name: place.name,
      address: addressOf(topology, place),
      directory: own,
      dataDirectory: join(own, "data"),
      dockerSocket: join(own, "docker.sock"),
      resolvConf: join(own, "resolv.conf"),
      spawn: (command, args, options) => spawnInside(own, groupsOf(place), [command, ...args], options),
    };
  };
  const groups = new Map<string, readonly string[]>();
  const groupsOf = (place: MachinePlace): readonly string[] => groups.get(place.name) ?? [];
  const machinesOf = async (state: LabState): Promise<LabMachine[]> => {
    for (const place of state.machines) groups.set(place.name, await makeGroups(cgroupOf(id, place.name)));
    return state.machines.map((place) => machine(state.topology, place));
  };

  const power = (place: MachinePlace, change: () => Promise<void>): Promise<void> =>
    exclusively(`lab-${id}-${place.name}`, change);
  const links = (change: () => Promise<void>): Promise<void> => exclusively(`lab-${id}`, change);
  const powerOn = async (state: LabState, place: MachinePlace, signal?: AbortSignal): Promise<void> => {
    const { topology } = state;
    const made = machine(topology, place);
    const isCold = initPid(made.directory) === undefined;
    if (isCold) await clearGroups(cgroupOf(id, place.name), clock, signal);
    groups.set(place.name, await makeGroups(cgroupOf(id, place.name)));
    if (isCold) {
      await writeSystemFiles(state, place, made);
      const pid = await switchOn(
        {
          ...{ name: place.name, directory: made.directory, dockerSocket: made.dockerSocket },
          legacyIptables: state.legacyIptables ?? false,
        },
        groupsOf(place),
        signal,
      );
      await settleGroups(cgroupOf(id, place.name));
      await plugIn(topology, place, pid, signal);
      groups.set(place.name, await makeGroups(cgroupOf(id, place.name)));
    }
    const engine = { name: place.name, directory: made.directory, socket: made.dockerSocket, isCold };
    if (!(await answers(made.dockerSocket)))
      await startEngine(
        engine,
        (words, options) => spawnInside(made.directory, groupsOf(place), words, options),
        clock,
        signal,
      );
  };
  const powerOff = async (state: LabState, place: MachinePlace, signal?: AbortSignal): Promise<void> => {
    // The frozen do not die.
    await freeze(cgroupOf(id, place.name), false);
    await switchOff(directoryOf(place), clock, signal);
    await unplug(state.topology, place, signal);
  };
  const applyCuts = (state: LabState): Promise<void> => {
    const cable = (name: string): string => {
      const place = state.machines.find((candidate) => candidate.name === name);
      return place ? cableOf(state.topology, place) : name;
    };
    return filter.cut(state.cuts.map(({ from, to }) => ({ from: cable(from), to: cable(to) })));
  };

  return {
    async up(count, options = {}) {
      refuseUnusable(directory, count);
      const before = await readState(directory);
      const taken = Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));
      const machines = places(Math.max(count, before?.machines.length ?? 0));
      const state: LabState = {
        topology: before?.topology ?? chooseTopology(id, taken),
        machines,
        cuts: before?.cuts ?? [],
        legacyIptables: before?.legacyIptables ?? options.legacyIptables ?? false,
      };
      await writeState(directory, state);
      await ensureBridge(state.topology);
      const outcomes = await Promise.allSettled(machines.map((place) => power(place, () => powerOn(state, place))));
      const failed = outcomes.find((outcome) => outcome.status === "rejected");
      if (failed) throw failed.reason;
      return machinesOf(state);
    },

    async down(signal) {
      const state = await readState(directory);
      if (state) await Promise.all(state.machines.map((place) => power(place, () => powerOff(state, place, signal))));
      await filter.remove(signal);
      await removeBridge(id, state?.topology.bridge ?? bridgeName(id), signal);
      await removeGroups(cgroupOf(id), clock, signal);
      await rm(directory, { recursive: true, force: true });
    },

    async machines() {
      const state = await readState(directory);
      return state ? machinesOf(state) : [];
    },

    async status() {
      const state = await readState(directory);
      if (!state) return [];
      return Promise.all(
        state.machines.map(async (place): Promise<MachineStatus> => {
          const { name, address, dockerSocket, directory: own } = machine(state.topology, place);
          const power = initPid(own) === undefined ? "off" : isFrozen(cgroupOf(id, name)) ? "paused" : "on";
          return {
            name,
            address,
            power,
            engine: power === "on" && (await answers(dockerSocket)),
            cutFrom: state.cuts.filter(({ from }) => from === name).map(({ to }) => to),
          };
        }),
      );
    },

    async off(name, signal) {
      const { state, place } = await find(name);
      await power(place, () => powerOff(state, place, signal));
    },

    async on(name, signal) {
      const { state, place } = await find(name);
      await power(place, () => powerOn(state, place, signal));
    },

    async pause(name) {
      await find(name);
      await freeze(cgroupOf(id, name), true);
    },

    async resume(name) {
      await find(name);
      await freeze(cgroupOf(id, name), false);
    },

    async cut(more) {
      for (const { from, to } of more) {
        await find(from);
        await find(to);
      }
      await links(async () => {
        const state = await known();
        const cuts = new Map([...state.cuts, ...more].map((link) => [`${link.from} ${link.to}`, link]));
        const next = { ...state, cuts: [...cuts.values()] };
        await writeState(directory, next);
        await applyCuts(next);
      });
    },

    heal: () =>
      links(async () => {
        const state = await known();
        await writeState(directory, { ...state, cuts: [] });
        await filter.remove();
      }),

    async load(archive) {
      const state = await known();
      const on = state.machines
        .map((place) => machine(state.topology, place))
        .filter((made) => initPid(made.directory) !== undefined);
      await Promise.all(
        on.map((made) =>
          loadImages({ name: made.name, directory: made.directory, socket: made.dockerSocket }, archive),
        ),
      );
    },
  };
}

/** What the machine sees as its own /etc: who it is, who its neighbours are, whom it asks for names. */
async function writeSystemFiles(state: LabState, place: MachinePlace, machine: LabMachine): Promise<void> {
  await mkdir(machine.dataDirectory, { recursive: true });
  const neighbours = state.machines.map((other) => `${addressOf(state.topology, other)} ${other.name}\n`);
  await writeFile(join(machine.directory, "hostname"), `${place.name}\n`);
  await writeFile(
    join(machine.directory, "hosts"),
    `127.0.0.1 localhost\n${neighbours.join("")}${gatewayOf(state.topology)} lab-host\n`,
  );
  await writeFile(machine.resolvConf, resolverText());
}

/** The computer's own name servers; those on its loopback are out of a machine's reach. */
function resolverText(): string {
  const files = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];
  for (const file of files.filter((candidate) => existsSync(candidate))) {
    const lines = readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => /^\s*(nameserver|options)\s/.test(line) && !/nameserver\s+(127\.|::1)/.test(line));
    if (lines.some((line) => line.includes("nameserver"))) return `${lines.join("\n")}\n`;
  }
  return "";
}

function refuseUnusable(directory: string, count: number): void {
  if (process.getuid?.() !== 0)
    throw new LabError("not-permitted", "a lab needs root: it makes namespaces, links and rules");
  if (!Number.isInteger(count) || count < 1 || count > mostMachines)
    throw new LabError("bad-directory", `expected 1 to ${mostMachines} machines, found ${count}`);
  if (!directory.startsWith("/"))
    throw new LabError("bad-directory", `expected an absolute directory, found ${directory}`);
  if (/^\/(run|var\/run|proc|sys|dev)(\/|$)/.test(directory))
    throw new LabError("bad-directory", `machines do not see ${directory}: choose a directory on disk`);
  const socket = Buffer.byteLength(
    join(directory, `m${mostMachines}`, "docker-run", "containerd", "containerd-debug.sock"),
  );
  if (socket > longestSocketPath)
    throw new LabError(
      "bad-directory",
      `the lab's directory is too long by ${socket - longestSocketPath} bytes for the sockets in it: ${directory}`,
    );
}

/** One spelling for one directory, so that a lab is found again by any path to it. */
export async function labDirectory(path: string): Promise<string> {
  await mkdir(path, { recursive: true });
  return realpath(path);
}
