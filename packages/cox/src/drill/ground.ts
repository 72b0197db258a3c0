// What hardships stand on: a lab's machines, where their files are, how to get in, and a master seen as the commands about machines see one.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "@coxswain/clock";
import type { DaemonName, Target, TargetMachine } from "@coxswain/drill";
import type { MachineRecord } from "../machine/record.ts";

export interface Ground {
  readonly dataDir: string;
  readonly machines: readonly TargetMachine[];
  readonly clock: Clock;
  /** Of the store's members. */
  readonly store: Target["store"];
  /** Runs a program in a machine; answers what it wrote. Throws when the machine is off. */
  run(machine: string, command: readonly string[]): Promise<string>;
  /** A verb of `npm run lab`. */
  lab(...words: readonly string[]): Promise<void>;
  /** kill -9; answers how many there were. */
  kill(machine: string, daemon: DaemonName): number;
  /** Process ids of a machine's daemon. */
  pids(machine: string, daemon: DaemonName): readonly number[];
}

export interface HardshipHand {
  /** Why it cannot be had on this computer; undefined if it can. */
  available(): string | undefined;
  impose(ground: Ground, machine: string, amount: number): Promise<void>;
  /** Harmless when done twice, and when it was never imposed. */
  lift(ground: Ground, machine: string, amount: number): Promise<void>;
}

export const always = (): undefined => undefined;

export const mastersOf = ({ machines }: Ground): readonly TargetMachine[] => machines.filter(({ master }) => master);

export function machineOf({ machines }: Ground, name: string): TargetMachine {
  const found = machines.find((machine) => machine.name === name);
  if (found === undefined) throw new Error(`there is no machine ${name}`);
  return found;
}

/** Gives power to every machine that has none, to all at once. */
export const powerUp = (ground: Ground): Promise<void> =>
  ground.lab("up", "--machines", String(ground.machines.length));

/** What a drill keeps on a machine while something is imposed on it. */
export const scratchOf = ({ dataDir }: Ground, machine: string): string => join(dataDir, "lab", machine, "drill");
/** The directory of a master's member of the store, and the word that its disk was lost. */
export const storeOf = ({ dataDir }: Ground, machine: string): string => join(dataDir, "machines", machine, "store");
export const lostMark = (ground: Ground, machine: string): string => `${storeOf(ground, machine)}.lost`;

/** Asks until the answer is true; throws what was waited for when the time is over. A question that fails is asked again. */
export async function settled(
  { clock }: Ground,
  what: string,
  withinMs: number,
  question: () => Promise<boolean>,
): Promise<void> {
  const deadline = clock.monotonic() + withinMs;
  let last: unknown;
  while (clock.monotonic() < deadline) {
    try {
      if (await question()) return;
    } catch (error) {
      last = error;
    }
    await clock.sleep(200);
  }
  throw new Error(`${what}: not within ${withinMs / 1000} s`, { cause: last });
}

/** The member of the store answers and knows a leader. */
export function memberServes(ground: Ground, machine: string, withinMs = 60_000): Promise<void> {
  return settled(ground, `the store's member ${machine} answers`, withinMs, async () => {
    const client = ground.store?.connect(machine);
    if (client === undefined) throw new Error("nobody gave a certificate for the store");
    const { leader } = await client.maintenance.status({}, { timeoutMs: 2000 }).finally(() => client.close());
    return leader !== 0n;
  });
}

/** The directory that `cox` would have on such a machine: its record and its certificates and keys, as links to the lab's own. */
export function asMachine(
  ground: Ground,
  name: string,
): { readonly directory: string; readonly record: MachineRecord } & Disposable {
  const { dataDir } = ground;
  const directory = mkdtempSync(join(tmpdir(), "coxswain-drill-"));
  mkdirSync(join(directory, "pki"));
  for (const folder of [join(dataDir, "pki"), join(dataDir, "pki", name)])
    for (const entry of readdirSync(folder, { withFileTypes: true }))
      if (entry.isFile()) symlinkSync(join(folder, entry.name), join(directory, "pki", entry.name));
  const { address, master } = machineOf(ground, name);
  const record: MachineRecord = {
    role: master ? "master" : "worker",
    name,
    address,
    apiPort: 6443,
    apiHosts: [],
    tainted: true,
    masters: mastersOf(ground).map((each) => ({ name: each.name, address: each.address })),
    store: { kind: "member", state: "existing", members: [{ name, address }] },
    dockerSocket: join(dataDir, "lab", name, "docker.sock"),
    resolvConf: "/etc/resolv.conf",
  };
  return { directory, record, [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }) };
}
