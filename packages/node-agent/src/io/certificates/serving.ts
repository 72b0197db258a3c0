// Which certificate the agent's server shows: the given files, or a pair of its own that is self-signed until the cluster
// has signed another (`--rotate-server-certificates`).
import type { Clock } from "@coxswain/clock";
import { isUsable } from "../../core/certificate/plan.ts";
import { createPairFile } from "./pair-file.ts";
import type { PairFile } from "./pair-file.ts";
import { createSelfSigned } from "./self-signed.ts";

export interface ServingSettings {
  readonly nodeName: string;
  readonly given: { readonly certFile: string; readonly keyFile: string } | undefined;
  readonly directory: string;
  readonly rotate: boolean;
}

export interface ServingCertificate {
  readonly certFile: string;
  readonly keyFile: string;
  /** Set when the certificate is the agent's to renew. */
  readonly file: PairFile | undefined;
}

export async function establishServing(
  settings: ServingSettings,
  hosts: readonly string[],
  clock: Clock,
): Promise<ServingCertificate> {
  if (settings.given) return { ...settings.given, file: undefined };
  const file = createPairFile(settings.directory, settings.rotate ? "kubelet-server" : "kubelet", clock);
  const held = await file.read();
  const named = settings.rotate ? `system:node:${settings.nodeName}` : (held?.commonName ?? "");
  if (!isUsable(held, named, clock.now())) await file.write(await createSelfSigned(settings.nodeName, hosts, clock));
  return { certFile: file.path, keyFile: file.path, file: settings.rotate ? file : undefined };
}
