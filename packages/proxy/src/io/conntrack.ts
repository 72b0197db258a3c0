// The kernel's table of flows through the `conntrack` tool. Where the tool is missing the list is empty: stale flows
// then end by their own timeout, and the proxy says so once.
import { spawn } from "node:child_process";
import type { Family } from "../core/address.ts";
import type { Flow, FlowProtocol } from "../core/flows.ts";

export interface Conntrack {
  /** The flows of one family that may have become stale: all of UDP, unanswered ones of TCP. Undefined when the tool is not installed. */
  list(protocol: FlowProtocol, signal: AbortSignal): Promise<readonly Flow[] | undefined>;
  /** Forgets one flow. A flow that has ended meanwhile is no error. */
  forget(flow: Flow, signal: AbortSignal): Promise<void>;
}

export function createConntrack(family: Family): Conntrack {
  return {
    async list(protocol, signal) {
      const unanswered = protocol === "tcp" ? ["--state", "SYN_SENT"] : [];
      const result = await run(["-L", "-p", protocol, "-f", family, ...unanswered], signal);
      return result === undefined ? undefined : parseFlows(result.out);
    },
    async forget(flow, signal) {
      const words = [
        "-D",
        "-f",
        family,
        "-p",
        flow.protocol,
        "--orig-src",
        flow.source,
        "--orig-dst",
        flow.destination,
      ];
      await run(
        [...words, "--orig-port-src", String(flow.sourcePort), "--orig-port-dst", String(flow.destinationPort)],
        signal,
      );
    },
  };
}

/** Lines such as `udp 17 25 src=… dst=… sport=… dport=… [UNREPLIED] src=… dst=… sport=… dport=… mark=0 use=1`. */
export function parseFlows(text: string): readonly Flow[] {
  const end = String.raw`src=(\S+) dst=(\S+) sport=(\d+) dport=(\d+)`;
  const pattern = new RegExp(`^(udp|tcp) .*?${end} .*?${end}`, "gm");
  return [...text.matchAll(pattern)].map(
    ([, protocol, source = "", destination = "", sport, dport, replySource = "", , replySport]) => ({
      protocol: protocol === "tcp" ? "tcp" : "udp",
      source,
      sourcePort: Number(sport),
      destination,
      destinationPort: Number(dport),
      replySource,
      replySourcePort: Number(replySport),
    }),
  );
}

/** The tool ends with 1 when nothing matched, which is a result like any other. */
function run(args: readonly string[], signal: AbortSignal): Promise<{ readonly out: string } | undefined> {
  return new Promise((resolve, reject) => {
    const child = spawn("conntrack", args, { stdio: ["ignore", "pipe", "ignore"], signal });
    const out: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.on("error", (error: NodeJS.ErrnoException) => (error.code === "ENOENT" ? resolve(undefined) : reject(error)));
    child.on("close", () => resolve({ out: Buffer.concat(out).toString("utf8") }));
  });
}
