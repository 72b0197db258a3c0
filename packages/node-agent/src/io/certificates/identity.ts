// The agent's identity towards the API server: the kubeconfig as it is, or, where the agent keeps its certificate itself,
// the pair in the certificate directory. With a bootstrap kubeconfig the first certificate is asked for here, before
// anything else can begin, and a kubeconfig is written that names it.
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { createClient, loadKubeconfig } from "@coxswain/client";
import type { ClientConfig, Pem } from "@coxswain/client";
import type { Clock, Random } from "@coxswain/clock";
import { StatusError } from "@coxswain/apimachinery";
import { StartError } from "@coxswain/daemon";
import type { Logger } from "@coxswain/daemon";
import type { KeyPair } from "@coxswain/pki";
import { isUsable } from "../../core/certificate/plan.ts";
import type { WantedCertificate } from "../../core/certificate/plan.ts";
import { askForCertificate, clientSigner } from "./ask.ts";
import { certificateIn, createPairFile } from "./pair-file.ts";
import type { PairFile } from "./pair-file.ts";

export interface IdentitySettings {
  readonly nodeName: string;
  readonly kubeconfig: string;
  readonly bootstrapKubeconfig: string | undefined;
  readonly directory: string;
  readonly rotateClient: boolean;
}

export interface Identity {
  readonly client: ClientConfig;
  /** Where the client certificate is kept, when it is the agent's to renew. */
  readonly file: PairFile | undefined;
  readonly wanted: WantedCertificate;
}

const retryMs = 5_000;
const userAgent = "coxswain-node-agent";

export async function establishIdentity(
  settings: IdentitySettings,
  ports: { readonly clock: Clock; readonly random: Random; readonly log: Logger },
  // Nobody ends the wait for somebody's approval but the end of the process.
  signal: AbortSignal = new AbortController().signal,
): Promise<Identity> {
  const { clock, log } = ports;
  const { kubeconfig, bootstrapKubeconfig } = settings;
  const file = createPairFile(settings.directory, "kubelet-client", clock);
  const wanted = { commonName: `system:node:${settings.nodeName}`, organizations: ["system:nodes"], hosts: [] };
  const usable = async (): Promise<boolean> => isUsable(await file.read(), wanted.commonName, clock.now());

  if (bootstrapKubeconfig !== undefined && !(await hasLivingCertificate(kubeconfig, clock))) {
    const bootstrap = loadKubeconfig(bootstrapKubeconfig, { userAgent });
    if (!(await usable())) await file.write(await firstCertificate(bootstrap, wanted, ports, signal));
    await writeKubeconfig(kubeconfig, bootstrap, file.path);
    log.info({ kubeconfig }, "the node has joined: its kubeconfig is written");
  }

  const client = loadKubeconfig(kubeconfig, { userAgent });
  const { cert, key } = client;
  // A token, or a person's certificate, is not ours to renew.
  if (!settings.rotateClient || !cert || !key) return { client, file: undefined, wanted };
  const own = await textOf(cert);
  if (certificateIn(own).commonName !== wanted.commonName) return { client, file: undefined, wanted };
  if (!(await usable())) await file.write({ certificate: own, key: await textOf(key) });
  return { client: { ...client, cert: { file: file.path }, key: { file: file.path } }, file, wanted };
}

/** Asked for until it is there: who must approve may be away, and so may the server. Only a refusal ends it. */
async function firstCertificate(
  bootstrap: ClientConfig,
  wanted: WantedCertificate,
  ports: { readonly clock: Clock; readonly random: Random; readonly log: Logger },
  signal: AbortSignal,
): Promise<KeyPair> {
  const { clock, log } = ports;
  const client = createClient(bootstrap, ports);
  const asked = (request: string): void =>
    log.info({ request, because: "the node has no certificate of its own" }, "waiting for a client certificate");
  try {
    for (;;) {
      try {
        return await askForCertificate(wanted, clientSigner, { client, clock, asked }, signal);
      } catch (error) {
        if (error instanceof StatusError)
          throw new StartError(`the API server refuses the bootstrap kubeconfig's request: ${error.message}`, {
            cause: error,
          });
        log.warn({ err: error }, "no client certificate yet; asking again");
        await clock.sleep(retryMs, signal);
      }
    }
  } finally {
    await client.close();
  }
}

/** Whether the kubeconfig is there and its certificate, if that is what it has, has not expired. */
async function hasLivingCertificate(kubeconfig: string, clock: Clock): Promise<boolean> {
  if (!existsSync(kubeconfig)) return false;
  const { cert } = loadKubeconfig(kubeconfig, { userAgent });
  return !cert || certificateIn(await textOf(cert)).notAfterMs > clock.now();
}

/** JSON is YAML, too; it is what kubectl and we read. */
async function writeKubeconfig(path: string, { servers, ca, tlsServerName }: ClientConfig, pair: string) {
  const [server = "", ...more] = servers;
  const cluster = {
    server,
    ...(ca ? { "certificate-authority-data": Buffer.from(await textOf(ca)).toString("base64") } : {}),
    ...(tlsServerName === undefined ? {} : { "tls-server-name": tlsServerName }),
    ...(more.length > 0 ? { extensions: [{ name: "coxswain.io/servers", extension: { servers: more } }] } : {}),
  };
  const kubeconfig = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "default-cluster", cluster }],
    contexts: [{ name: "default-context", context: { cluster: "default-cluster", user: "default-auth" } }],
    "current-context": "default-context",
    users: [{ name: "default-auth", user: { "client-certificate": pair, "client-key": pair } }],
  };
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(`${path}.new`, `${JSON.stringify(kubeconfig, undefined, 2)}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

function textOf(pem: Pem): Promise<string> {
  return "data" in pem ? Promise.resolve(pem.data) : readFile(pem.file, "utf8");
}
