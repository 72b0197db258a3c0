// Lease: grant, revoke, time to live, list. What a clock decides is left to the cases.
import { ask } from "../transcript.ts";
import type { Script } from "../transcript.ts";

export const leaseScripts: readonly Script[] = [
  {
    name: "grants, lists and revokes leases, and says what hangs on them",
    steps: [
      ask("lease", "leaseLeases", {}),
      ask("lease", "leaseGrant", { id: 10n, ttl: 3000 }),
      ask("lease", "leaseGrant", { id: 10n, ttl: 3000 }),
      ask("lease", "leaseGrant", { id: 11n, ttl: 9_000_000_000 }),
      ask("lease", "leaseGrant", { id: 12n, ttl: 9_000_000_001 }),
      ask("lease", "leaseGrant", { id: 13n, ttl: 0 }),
      ask("lease", "leaseGrant", { id: 14n, ttl: -1 }),
      ask("lease", "leaseRevoke", { id: 13n }),
      ask("lease", "leaseRevoke", { id: 14n }),
      ask("lease", "leaseTimeToLive", { id: 99n }),
      ask("lease", "leaseTimeToLive", { id: 99n, keys: true }),
      ask("lease", "leaseTimeToLive", { id: 0n }),
      ask("kv", "put", { key: "l/2", lease: 10n }),
      ask("kv", "put", { key: "l/1", lease: 10n }),
      ask("kv", "put", { key: "l/3", lease: 11n }),
      ask("kv", "put", { key: "l/1", lease: 11n }),
      ask("lease", "leaseRevoke", { id: 10n }),
      ask("kv", "range", { key: "l/", rangeEnd: "l0" }),
      ask("kv", "put", { key: "l/3" }),
      ask("lease", "leaseRevoke", { id: 11n }),
      ask("lease", "leaseRevoke", { id: 11n }),
      ask("lease", "leaseRevoke", { id: 0n }),
      ask("kv", "range", { key: "l/", rangeEnd: "l0" }),
      ask("kv", "deleteRange", { key: "l/", rangeEnd: "l0" }),
      ask("lease", "leaseGrant", { id: -1n, ttl: 3000 }),
      ask("lease", "leaseRevoke", { id: -1n }),
      ask("lease", "leaseLeases", {}),
    ],
  },
];
