// The kernel's virtual servers in memory: takes the lines that `planIpvsChanges` writes (and a stranger might) and lists them as `ipvsadm -Ln` would.
// As the tool does, it goes on after a line that is refused, and fails in the end.
import { NetfilterError } from "../src/errors.ts";
import type { IpvsTool } from "../src/ipvs/tool.ts";

export interface MemoryIpvsTool extends IpvsTool {
  /** As `ipvsadm -Ln` prints it. */
  text(): string;
  /** What was given to `apply`, in order. */
  readonly applied: readonly string[];
  /** So many connections of a real server are remembered. */
  connect(service: string, real: string, connections: number): void;
}

interface Service {
  readonly scheduler: string;
  readonly persistent: string | undefined;
  readonly flags: string | undefined;
  readonly reals: Map<string, { weight: string; forward: string; connections: number }>;
}

export function createMemoryIpvsTool(): MemoryIpvsTool {
  const services = new Map<string, Service>();
  const applied: string[] = [];
  const text = (): string =>
    [
      "IP Virtual Server version 1.2.1 (size=4096)",
      "Prot LocalAddress:Port Scheduler Flags",
      "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn",
      ...[...services].flatMap(([name, service]) => [
        virtualLine(name, service),
        ...[...service.reals].map(
          ([real, { weight, forward, connections }]) =>
            `  -> ${real.padEnd(28)} ${forward.padEnd(7)} ${weight.padEnd(6)} ${String(connections).padEnd(10)} 0         `,
        ),
      ]),
      "",
    ].join("\n");
  return {
    list: async () => text(),
    async apply(lines) {
      applied.push(lines);
      const refused = lines.split("\n").filter((line) => line !== "" && !applyLine(services, line));
      if (refused.length > 0) throw new NetfilterError("tool-refused", `ipvsadm: ${refused[0]}`);
    },
    isLoaded: async () => true,
    text,
    applied,
    connect(service, real, connections) {
      const found = services.get(service)?.reals.get(real);
      if (!found) throw new Error(`${service} has no ${real}`);
      found.connections = connections;
    },
  };
}

/** Schedulers with flags of their own have no name for others. */
function virtualLine(name: string, { scheduler, persistent, flags }: Service): string {
  const [protocol = "", at] = name.split(" ");
  const named = scheduler === "sh" || scheduler === "mh" ? "" : flags;
  const shown = flags === undefined ? "" : ` (${named})`;
  const stays = persistent === undefined ? "" : ` persistent ${persistent}`;
  return `${protocol.padEnd(4)} ${at} ${scheduler}${shown}${stays}`;
}

function applyLine(services: Map<string, Service>, line: string): boolean {
  const [, verb = "", kind = "", at = ""] = /^(-\w) (-t|-u|-f|--sctp-service) (\S+)/.exec(line) ?? [];
  const option = (name: string): string | undefined => new RegExp(` ${name} (\\S+)`).exec(line)?.[1];
  const name = `${{ "-t": "TCP", "-u": "UDP", "-f": "FWM" }[kind] ?? "SCTP"} ${at}`;
  const found = services.get(name);
  const real = option("-r") ?? "";
  switch (verb) {
    case "-A":
    case "-E":
      if ((found === undefined) !== (verb === "-A")) return false;
      services.set(name, {
        scheduler: option("-s") ?? "wlc",
        persistent: option("-p"),
        flags: option("-b"),
        reals: found?.reals ?? new Map(),
      });
      return true;
    case "-D":
      return services.delete(name);
    case "-a":
    case "-e": {
      const known = found?.reals.get(real);
      if (!found || (known === undefined) !== (verb === "-a")) return false;
      const forward = line.includes(" -m") ? "Masq" : "Route";
      found.reals.set(real, { weight: option("-w") ?? "1", forward, connections: known?.connections ?? 0 });
      return true;
    }
    case "-d":
      return found?.reals.delete(real) ?? false;
    default:
      throw new Error(`the tool in memory does not know ${line}`);
  }
}
