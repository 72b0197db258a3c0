// The agent's certificates, put together: who it is towards the API server, what its server shows, and who keeps both fresh.
// Only wiring.
import type { Client } from "@coxswain/client";
import type { DaemonPorts, HttpsServer } from "@coxswain/daemon";
import type { ServerConfig } from "./config/server.ts";
import { clientSigner, servingSigner } from "./io/certificates/ask.ts";
import type { Identity } from "./io/certificates/identity.ts";
import { createCertificateKeeper } from "./io/certificates/keeper.ts";
import { establishServing } from "./io/certificates/serving.ts";
import type { ServingCertificate } from "./io/certificates/serving.ts";
import type { AgentMetrics } from "./metrics.ts";

export interface AgentCertificates {
  /** Where the server reads its certificate. */
  readonly serving: ServingCertificate;
  /** Renews what is the agent's to renew, until the signal. */
  run(server: HttpsServer, signal: AbortSignal): Promise<void>;
}

export async function createCertificates(
  config: ServerConfig["certificates"] & { readonly nodeName: string },
  identity: Identity,
  ports: Pick<DaemonPorts, "clock" | "log"> & {
    readonly client: Client;
    readonly metrics: AgentMetrics;
    /** The node's addresses as they are now. */
    readonly addresses: () => Promise<readonly string[]>;
  },
): Promise<AgentCertificates> {
  const { metrics } = ports;
  const hosts = async (): Promise<readonly string[]> => [...new Set([config.nodeName, ...(await ports.addresses())])];
  const serving = await establishServing({ ...config, rotate: config.rotateServing }, await hosts(), ports.clock);
  return {
    serving,
    async run(server, signal) {
      const keepers = [
        identity.file &&
          createCertificateKeeper(
            { signer: clientSigner, share: config.share, wanted: () => Promise.resolve(identity.wanted) },
            {
              ...ports,
              file: identity.file,
              // The client reads the file again by itself.
              renewed: () => Promise.resolve(),
              endsAt: (ms) => metrics.certificateEnd.set(ms / 1000, { usage: "client" }),
            },
          ),
        serving.file &&
          createCertificateKeeper(
            {
              signer: servingSigner,
              share: config.share,
              wanted: async () => ({ ...identity.wanted, hosts: await hosts() }),
            },
            {
              ...ports,
              file: serving.file,
              renewed: () => server.reloadCertificates(),
              endsAt: (ms) => metrics.certificateEnd.set(ms / 1000, { usage: "server" }),
            },
          ),
      ];
      await Promise.all(keepers.map((keeper) => keeper?.run(signal) ?? Promise.resolve()));
    },
  };
}
