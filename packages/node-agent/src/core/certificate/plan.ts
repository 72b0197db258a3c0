// When the agent asks for a certificate: at once when it has none that fits, else when the configured share of the
// certificate's life has passed. Two thirds of life are left then for an authority that is away. Pure.

/** What the agent wants to be called. */
export interface WantedCertificate {
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** DNS names and addresses; none for a client. */
  readonly hosts: readonly string[];
}

/** What is read from the certificate that the agent has. */
export interface HeldCertificate {
  readonly commonName: string;
  readonly hosts: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export type CertificatePlan =
  | { readonly ask: true; readonly because: string }
  | { readonly ask: false; readonly because: string; readonly wakeAtMs: number };

export function planCertificate(
  held: HeldCertificate | undefined,
  wanted: WantedCertificate,
  share: number,
  nowMs: number,
): CertificatePlan {
  if (!held) return { ask: true, because: "there is no certificate yet" };
  if (held.commonName !== wanted.commonName)
    return { ask: true, because: `the certificate is of ${held.commonName}, not of ${wanted.commonName}` };
  const unnamed = wanted.hosts.filter((host) => !held.hosts.includes(host));
  if (unnamed.length > 0) return { ask: true, because: `the certificate does not name ${unnamed.join(", ")}` };
  if (nowMs >= held.notAfterMs) return { ask: true, because: "the certificate has expired" };
  const wakeAtMs = held.notBeforeMs + (held.notAfterMs - held.notBeforeMs) * share;
  return nowMs >= wakeAtMs
    ? { ask: true, because: `${Math.round(share * 100)} % of the certificate's life have passed` }
    : { ask: false, because: "the certificate is young enough", wakeAtMs };
}

/** Whether the certificate may be shown at all: it is of the right name and lives. */
export function isUsable(held: HeldCertificate | undefined, commonName: string, nowMs: number): boolean {
  return held !== undefined && held.commonName === commonName && nowMs < held.notAfterMs;
}
