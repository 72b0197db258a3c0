// What `npm start` may be asked for. Unknown options and bad values are refused in one sentence.
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { ParseArgsConfig } from "node:util";
import { profiles } from "@coxswain/cox/profiles";
import type { Profile } from "@coxswain/cox/profiles";
import { Failure } from "./failure.ts";
import { defaultDataDir } from "./layout.ts";

export interface StartOptions {
  readonly dataDir: string;
  /** The apiserver's port; the other daemons keep Kubernetes' and etcd's own. */
  readonly port: number;
  readonly detach: boolean;
  readonly demo: boolean;
  /** 0: everything on this machine. Otherwise so many worker machines in the lab. */
  readonly workers: number;
  readonly masters: number;
  /** So many simulated nodes instead of this machine; 0: real ones. */
  readonly hollow: number;
  /** The machines of the lab have the iptables from before nf_tables. */
  readonly legacyIptables: boolean;
  /** How the proxies lead packets. */
  readonly proxyMode: string;
  /** How soon the cluster acts on silence. */
  readonly profile: Profile;
  /** Silence after which a node counts as lost, such as `20s`; the controller manager's own choice otherwise. */
  readonly nodeGrace: string | undefined;
}

export const startUsage = `Usage: npm start -- [options]

Brings up a cluster on this machine, applies the demo and stays in the foreground.

  --detach           give the terminal back once the cluster is ready
  --no-demo          do not apply the demo
  --data-dir DIR     where everything is kept (default: .coxswain in the project)
  --port N           the apiserver's port (default 6443)
  --hollow N         N simulated nodes: a real control plane, no containers, no Docker, no root
  --workers N        N worker machines in a lab on this machine
  --masters N        N control-plane machines in that lab (default 1)
  --iptables KIND    which iptables the lab's machines have: nf_tables (default; the computer's) or legacy, with its lock
  --proxy-mode MODE  how service addresses are served: iptables (default), nftables, ipvs or userspace
  --profile NAME     how soon the cluster acts on silence: default (Kubernetes' times) or fast (leaders within 5 s,
                     lost nodes after 8 s, their pods 5 s later)
  --node-monitor-grace-period TIME  silence after which a node counts as lost (default 40s; nodes speak every 10s)
  --help             this text
`;

/** Answers `undefined` when help was asked for. */
export function parseStartOptions(argv: readonly string[]): StartOptions | undefined {
  const values = parse(argv, {
    detach: { type: "boolean" },
    "no-demo": { type: "boolean" },
    "data-dir": { type: "string" },
    port: { type: "string" },
    workers: { type: "string" },
    masters: { type: "string" },
    hollow: { type: "string" },
    "proxy-mode": { type: "string" },
    iptables: { type: "string" },
    profile: { type: "string" },
    "node-monitor-grace-period": { type: "string" },
    help: { type: "boolean" },
  });
  if (values["help"]) return undefined;
  const workers = wholeNumber("workers", values["workers"], 0, 20) ?? 0;
  const masters = wholeNumber("masters", values["masters"], 1, 9);
  if (masters !== undefined && workers === 0) {
    throw new Failure("--masters needs --workers: control-plane machines of their own exist only in the lab");
  }
  const hollow = wholeNumber("hollow", values["hollow"], 1, 5000) ?? 0;
  const legacyIptables = oneOf("iptables", values["iptables"], ["nf_tables", "legacy"]) === "legacy";
  if (legacyIptables && workers === 0)
    throw new Failure("--iptables needs --workers: this computer's own stays as it is");
  if (hollow > 0 && workers > 0) throw new Failure("--hollow and --workers: nodes are simulated or real, not both");
  return {
    hollow,
    dataDir: dataDirFrom(values["data-dir"]),
    port: wholeNumber("port", values["port"], 1, 65_535) ?? 6443,
    detach: values["detach"] === true,
    demo: values["no-demo"] !== true,
    workers,
    masters: masters ?? 1,
    profile: oneOf("profile", values["profile"], profiles),
    legacyIptables,
    proxyMode: oneOf("proxy-mode", values["proxy-mode"], ["iptables", "nftables", "ipvs", "userspace"]),
    nodeGrace: seconds("node-monitor-grace-period", values["node-monitor-grace-period"], 12),
  };
}

/** For the commands that only need to know which cluster is meant. */
export function parseDataDir(argv: readonly string[]): string {
  return dataDirFrom(parse(argv, { "data-dir": { type: "string" } })["data-dir"]);
}

function parse(
  argv: readonly string[],
  options: NonNullable<ParseArgsConfig["options"]>,
): Readonly<Record<string, unknown>> {
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: false }).values;
  } catch (cause) {
    throw new Failure((cause as Error).message.split(". To specify", 1)[0] ?? "", { cause });
  }
}

function dataDirFrom(value: unknown): string {
  if (value === "") throw new Failure("--data-dir must not be empty");
  return typeof value === "string" ? resolve(value) : defaultDataDir;
}

/** The first one, if nothing was said. */
function oneOf<const T extends string>(name: string, value: unknown, known: readonly [T, ...T[]]): T {
  if (value === undefined) return known[0];
  const found = known.find((each) => each === value);
  if (found !== undefined) return found;
  throw new Failure(`--${name}: expected ${known.join(", ")}, found ${JSON.stringify(value)}`);
}

/** Checked here, since a daemon that refuses its flags is only told of in its log. */
function seconds(name: string, value: unknown, lowest: number): string | undefined {
  if (value === undefined) return undefined;
  const amount = typeof value === "string" ? /^(\d+)s$/.exec(value)?.[1] : undefined;
  if (amount !== undefined && Number(amount) >= lowest) return `${amount}s`;
  throw new Failure(`--${name}: expected seconds such as 20s, at least ${lowest}s, found ${JSON.stringify(value)}`);
}

function wholeNumber(name: string, value: unknown, lowest: number, highest: number): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (Number.isInteger(number) && number >= lowest && number <= highest) return number;
  throw new Failure(`--${name} must be a whole number from ${lowest} to ${highest}, found ${JSON.stringify(value)}`);
}
