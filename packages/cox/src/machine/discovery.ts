// How a machine that knows nothing finds the true cluster: it reads the public ConfigMap `cluster-info` from an address it cannot trust yet,
// checks that who signed it knows the token's secret, and that the authority in it is the pinned one. After kubeadm's token discovery.
import { createHmac, timingSafeEqual } from "node:crypto";
import { load } from "js-yaml";
import type { Clock } from "@coxswain/clock";
import { createClient } from "@coxswain/client";
import { paths } from "./api.ts";
import { pinOf } from "./certificates.ts";
import { MachineError } from "./failure.ts";
import { tokenShape } from "./invitation.ts";

export interface Discovered {
  /** The cluster's authority, PEM. */
  readonly authority: string;
  /** Addresses of all API servers. */
  readonly servers: readonly string[];
}

/** How far a machine's clock may be from the cluster's: certificates begin five minutes in the past. */
const tolerableSkewMs = 4 * 60_000;

export async function discover(
  options: { readonly endpoint: string; readonly token: string; readonly pin: string },
  clock: Clock,
  signal: AbortSignal,
): Promise<Discovered> {
  const [, id, secret] = tokenShape.exec(options.token) ?? [];
  if (id === undefined || secret === undefined)
    throw new MachineError(`the token must look like abcdef.0123456789abcdef, found ${JSON.stringify(options.token)}`);
  if (!/^sha256:[0-9a-f]{64}$/.test(options.pin))
    throw new MachineError(
      `the CA pin must look like sha256: and 64 hexadecimal digits, found ${JSON.stringify(options.pin)}`,
    );
  const client = createClient(
    { servers: options.endpoint.split(","), insecureSkipTlsVerify: true, userAgent: "cox-join" },
    { clock },
  );
  try {
    const answer = await client.request({ method: "GET", path: paths.clusterInfo, signal });
    checkClock(answer.headers["date"], clock.now());
    if (answer.status !== 200)
      throw new MachineError(
        `${options.endpoint} does not say which cluster it is of (status ${answer.status} for ConfigMap cluster-info)`,
      );
    const { data = {} } = answer.json() as { data?: Record<string, string> };
    return judge(data, { ...options, id, secret });
  } finally {
    await client.close();
  }
}

/** Pure: what the ConfigMap's data proves. */
export function judge(
  data: Readonly<Record<string, string>>,
  known: { readonly endpoint: string; readonly id: string; readonly secret: string; readonly pin: string },
): Discovered {
  const text = data["kubeconfig"] ?? "";
  const signature = data[`jws-kubeconfig-${known.id}`];
  if (signature === undefined)
    throw new MachineError(
      `the cluster knows no token ${known.id}: it has expired or never was; \`cox invite\` on a master makes a new one`,
    );
  const [header = "", , mac = ""] = signature.split(".");
  const expected = createHmac("sha256", `${known.id}.${known.secret}`)
    .update(`${header}.${Buffer.from(text).toString("base64url")}`)
    .digest();
  const given = Buffer.from(mac, "base64url");
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    throw new MachineError(
      `the second half of token ${known.id} is wrong, or ${known.endpoint} is not of the cluster it was made for`,
    );
  const config = load(text) as {
    clusters: {
      cluster: {
        server: string;
        "certificate-authority-data": string;
        extensions?: { name: string; extension: { servers?: string[] } }[];
      };
    }[];
  };
  const found = config.clusters[0]?.cluster;
  if (found === undefined) throw new MachineError("the cluster's cluster-info names no cluster");
  const authority = Buffer.from(found["certificate-authority-data"], "base64").toString();
  const pin = pinOf(authority);
  if (pin !== known.pin)
    throw new MachineError(
      `the authority of ${known.endpoint} is ${pin}, not the pinned ${known.pin}: it is another cluster, or somebody stands between`,
    );
  const more = found.extensions?.find(({ name }) => name === "coxswain.io/servers")?.extension.servers ?? [];
  return { authority, servers: [found.server, ...more] };
}

function checkClock(date: string | undefined, nowMs: number): void {
  const theirs = date === undefined ? Number.NaN : Date.parse(date);
  if (Number.isNaN(theirs)) return;
  const aheadMs = nowMs - theirs;
  if (Math.abs(aheadMs) <= tolerableSkewMs) return;
  const minutes = Math.round(Math.abs(aheadMs) / 60_000);
  throw new MachineError(
    `this machine's clock is ${minutes} minutes ${aheadMs > 0 ? "ahead of" : "behind"} the cluster's: set the time first`,
  );
}
