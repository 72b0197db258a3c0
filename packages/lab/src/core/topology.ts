// Names and addresses of a lab, as values: everything that it makes in the kernel is named after the lab, so that a later
// process finds and removes it. Nothing here touches the machine.

export interface Topology {
  /** Four hexadecimal digits that stand for the lab's directory. */
  readonly id: string;
  readonly bridge: string;
  /** First three octets of the machines' network. */
  readonly network: string;
}

export interface MachinePlace {
  readonly name: string;
  /** 1 for m1. */
  readonly index: number;
}

export const mostMachines = 40;

/** `taken` are addresses of this computer: a network that one of them is in is not used. */
export function chooseTopology(id: string, taken: readonly string[]): Topology {
  const start = Number.parseInt(id, 16) % 250;
  for (let i = 0; i < 250; i++) {
    const network = `10.222.${(start + i) % 250}`;
    if (!taken.some((address) => address.startsWith(`${network}.`))) return { id, bridge: bridgeName(id), network };
  }
  throw new Error("no network 10.222.x.0/24 is free for a lab");
}

export function bridgeName(id: string): string {
  return `cxl-${id}`;
}

export function places(count: number): readonly MachinePlace[] {
  return Array.from({ length: count }, (_, at) => ({ name: `m${at + 1}`, index: at + 1 }));
}

export function gatewayOf({ network }: Topology): string {
  return `${network}.1`;
}

export function addressOf({ network }: Topology, { index }: MachinePlace): string {
  return `${network}.${10 + index}`;
}

/** The same after every loss of power: neighbours remember it. Locally administered. */
export function hardwareAddressOf({ id }: Topology, { index }: MachinePlace): string {
  return `02:c0:${id.slice(0, 2)}:${id.slice(2)}:00:${index.toString(16).padStart(2, "0")}`;
}

/** The end of a machine's cable at the bridge; at most fifteen characters, the kernel's limit. */
export function cableOf({ bridge }: Topology, { index }: MachinePlace): string {
  return `${bridge}-${index}`;
}

/** Where the lab's processes are accounted, below the root of each hierarchy. */
export function cgroupOf(id: string, machine?: string): string {
  return machine ? `coxlab-${id}/${machine}` : `coxlab-${id}`;
}

export function filterChain(id: string): string {
  return `COX-LAB-${id}`;
}
