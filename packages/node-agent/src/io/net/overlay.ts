// The device that wraps packets for machines behind routers: one VXLAN link, a fixed neighbour and forwarding entry for each
// tunnel. It learns nothing by itself. What exists is read from the kernel, so that a restart finds what a crash has left.
import { hardwareOf } from "../../core/network/ways.ts";
import type { Tunnel } from "../../core/network/ways.ts";
import { ipBatch, runTool } from "./tool.ts";

export interface OverlayShape {
  /** The machine's address, from which wrapped packets go out. */
  readonly address: string;
  /** The device's address among pods: replies to what the machine itself asks a far pod find back. */
  readonly inner: string;
  readonly mtu: number;
}

export interface Overlay {
  readonly device: string;
  /** Makes the device and exactly these tunnels. */
  sync(shape: OverlayShape, tunnels: readonly Tunnel[], signal?: AbortSignal): Promise<void>;
  /** Takes the device away with all that hangs on it; harmless when there is none. */
  remove(signal?: AbortSignal): Promise<void>;
}

/** The overlay's number inside the packets; two clusters on one network differ in their port. */
const networkId = 1110;

interface ShownDevice {
  readonly mtu?: number;
  readonly address?: string;
  readonly linkinfo?: {
    readonly info_data?: { readonly id?: number; readonly local?: string; readonly port?: number };
  };
}

export function createOverlay(config: { readonly bridge: string; readonly port: number }): Overlay {
  // An interface's name has at most 15 bytes.
  const device = `${config.bridge.slice(0, 12)}-vx`;
  const show = async (signal?: AbortSignal): Promise<ShownDevice | undefined> => {
    const text = await runTool("ip", ["-j", "-d", "link", "show", "type", "vxlan"], "", signal);
    const shown = JSON.parse(text === "" ? "[]" : text) as (ShownDevice & { readonly ifname?: string })[];
    return shown.find(({ ifname }) => ifname === device);
  };
  const remove = async (signal?: AbortSignal): Promise<void> => {
    if (await show(signal)) await ipBatch([`link del ${device}`], undefined, signal);
  };
  const make = async ({ address, inner, mtu }: OverlayShape, signal?: AbortSignal): Promise<void> => {
    const present = await show(signal);
    const data = present?.linkinfo?.info_data;
    const same = data?.id === networkId && data.local === address && data.port === config.port;
    if (present && !same) await remove(signal);
    const kind = `type vxlan id ${networkId} local ${address} dstport ${config.port} nolearning`;
    await ipBatch(
      [
        ...(same ? [] : [`link add ${device} mtu ${mtu} address ${hardwareOf(address)} ${kind}`]),
        ...(same && present?.mtu !== mtu ? [`link set dev ${device} mtu ${mtu}`] : []),
        `address replace ${inner}/32 dev ${device}`,
        `link set dev ${device} up`,
      ],
      undefined,
      signal,
    );
  };

  return {
    device,
    remove,
    async sync(shape, tunnels, signal) {
      if (tunnels.length === 0) {
        await remove(signal);
        return;
      }
      await make(shape, signal);
      const [neighbours, entries] = await Promise.all([readNeighbours(device, signal), readEntries(device, signal)]);
      const wantedNeighbours = tunnels.map(({ via, hardware }) => `${via} ${hardware}`);
      const wantedEntries = tunnels.map(({ hardware, machine }) => `${hardware} ${machine}`);
      const lines = [
        ...without(neighbours, wantedNeighbours).map((line) => `neigh del ${line.split(" ")[0]} dev ${device}`),
        ...without(wantedNeighbours, neighbours).map((line) => {
          const [via, hardware] = line.split(" ");
          return `neigh replace ${via} lladdr ${hardware} dev ${device} nud permanent`;
        }),
      ];
      if (lines.length > 0) await ipBatch(lines, undefined, signal);
      const changes = [
        ...without(entries, wantedEntries).map((line) => `fdb del ${line.replace(" ", ` dev ${device} dst `)}`),
        ...without(wantedEntries, entries).map(
          (line) => `fdb append ${line.replace(" ", ` dev ${device} dst `)} permanent`,
        ),
      ];
      if (changes.length > 0) await runTool("bridge", ["-batch", "-"], `${changes.join("\n")}\n`, signal);
    },
  };
}

const without = (lines: readonly string[], others: readonly string[]): readonly string[] =>
  lines.filter((line) => !others.includes(line));

async function readNeighbours(device: string, signal?: AbortSignal): Promise<readonly string[]> {
  const text = await runTool("ip", ["-j", "-4", "neigh", "show", "dev", device, "nud", "permanent"], "", signal);
  const shown = JSON.parse(text === "" ? "[]" : text) as { readonly dst?: string; readonly lladdr?: string }[];
  return shown.flatMap(({ dst, lladdr }) => (dst && lladdr ? [`${dst} ${lladdr}`] : []));
}

async function readEntries(device: string, signal?: AbortSignal): Promise<readonly string[]> {
  const text = await runTool("bridge", ["-j", "fdb", "show", "dev", device], "", signal);
  const shown = JSON.parse(text === "" ? "[]" : text) as { readonly mac?: string; readonly dst?: string }[];
  return shown.flatMap(({ mac, dst }) => (mac && dst ? [`${mac} ${dst}`] : []));
}
