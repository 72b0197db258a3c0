// A certificate for the server until a better one is there: signed by an authority that nobody trusts and whose key is
// thrown away. As the kubelet has it for a node without `--tls-cert-file`.
import type { Clock } from "@coxswain/clock";
import type { KeyPair } from "@coxswain/pki";

const validityMs = 365 * 24 * 3_600_000;

export async function createSelfSigned(nodeName: string, hosts: readonly string[], clock: Clock): Promise<KeyPair> {
  const { createAuthority, openAuthority } = await import("@coxswain/pki");
  const seconds = Math.floor(clock.now() / 1000);
  const authority = await openAuthority(await createAuthority(`${nodeName}-ca@${seconds}`, validityMs, clock), clock);
  const leaf = await authority.issue({ commonName: `${nodeName}@${seconds}`, usages: ["server"], hosts, validityMs });
  return { certificate: leaf.certificate + authority.certificate, key: leaf.key };
}
