// When a request for a certificate has done its work and goes. Times as Kubernetes' `cleaner.go`.
import type { CertificateSigningRequest } from "@coxswain/api/certificates/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { parseRfc3339 } from "@coxswain/clock";

const hourMs = 3_600_000;
const keptMs = { Approved: hourMs, Denied: hourMs, Failed: hourMs } as const;
const pendingMs = 24 * hourMs;

export interface Ending {
  readonly atMs: number;
  readonly because: string;
}

/** The first reason to go, and when. `certificateEndsMs` is the end of the certificate that was signed, if one was. */
export function endOf(
  { metadata, status }: DeepReadonly<CertificateSigningRequest>,
  certificateEndsMs: number | undefined,
): Ending | undefined {
  const ends: Ending[] = [];
  for (const { type, lastUpdateTime } of status?.conditions ?? []) {
    const since = parseRfc3339(lastUpdateTime ?? "");
    if (since !== undefined && isKept(type))
      ends.push({ atMs: since + keptMs[type], because: `it was ${type.toLowerCase()} an hour ago` });
  }
  const created = parseRfc3339(metadata.creationTimestamp ?? "");
  if ((status?.conditions ?? []).length === 0 && created !== undefined)
    ends.push({ atMs: created + pendingMs, because: "nobody has decided for a day" });
  if (certificateEndsMs !== undefined) ends.push({ atMs: certificateEndsMs, because: "the certificate has expired" });
  return ends.toSorted((a, b) => a.atMs - b.atMs)[0];
}

function isKept(type: string): type is keyof typeof keptMs {
  return Object.hasOwn(keptMs, type);
}
