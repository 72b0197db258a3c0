// Leases for values that expire (events). One lease serves all writes of about a minute, as kube-apiserver's lease
// manager does, so that a flood of events does not become a flood of leases.
import type { EtcdClient } from "@coxswain/etcd-api";
import type { Clock } from "@coxswain/clock";

export interface LeasePool {
  /** A lease that lasts at least `ttlSeconds` from now. */
  leaseFor(ttlSeconds: number): Promise<bigint>;
}

const reuseMs = 60_000;
/** A lease with more keys takes the store long to expire at once. */
const keysPerLease = 1000;

export function createLeasePool(client: EtcdClient, clock: Clock): LeasePool {
  const current = new Map<number, { readonly id: Promise<bigint>; readonly until: number; keys: number }>();
  return {
    leaseFor(ttlSeconds) {
      const known = current.get(ttlSeconds);
      if (known && known.until > clock.monotonic() && known.keys < keysPerLease) {
        known.keys += 1;
        return known.id;
      }
      const id = client.lease.leaseGrant({ ttl: ttlSeconds + reuseMs / 1000 }).then((response) => response.id);
      const lease = { id, until: clock.monotonic() + reuseMs, keys: 1 };
      current.set(ttlSeconds, lease);
      id.catch(() => {
        if (current.get(ttlSeconds) === lease) current.delete(ttlSeconds);
      });
      return id;
    },
  };
}
