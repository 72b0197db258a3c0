// Which backend is next, in strict turn: each new connection takes the one after the last one's. A client with session
// affinity keeps its backend while it comes back in time. When backends change, the turn goes on where it was.
import type { Backend } from "./endpoints.ts";
import { hostPort } from "./address.ts";

export interface Rotation {
  update(backends: readonly Backend[], affinitySeconds: number | undefined): void;
  /** undefined when there is no backend. `fresh`: the remembered one did not answer, take the next. */
  next(client: string, nowMs: number, fresh?: boolean): Backend | undefined;
  readonly size: number;
}

/** So many clients are remembered; then the one that came longest ago is forgotten. */
const mostClients = 65_535;

export function createRotation(): Rotation {
  let backends: readonly Backend[] = [];
  let affinityMs: number | undefined;
  let last = "";
  /** In the order of their last coming. */
  const clients = new Map<string, { readonly backend: Backend; readonly atMs: number }>();

  const inTurn = (): Backend | undefined => {
    const next = backends.find((backend) => orderOf(backend) > last) ?? backends[0];
    if (next) last = orderOf(next);
    return next;
  };

  return {
    update(newBackends, affinitySeconds) {
      backends = [...newBackends].sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
      affinityMs = affinitySeconds === undefined ? undefined : affinitySeconds * 1000;
      const kept = new Set(backends.map(hostPort));
      for (const [client, { backend }] of clients)
        if (affinityMs === undefined || !kept.has(hostPort(backend))) clients.delete(client);
    },
    next(client, nowMs, fresh = false) {
      if (affinityMs === undefined) return inTurn();
      const known = clients.get(client);
      const backend = known && !fresh && nowMs - known.atMs <= affinityMs ? known.backend : inTurn();
      clients.delete(client);
      if (backend) clients.set(client, { backend, atMs: nowMs });
      const [oldest] = clients.keys();
      if (clients.size > mostClients && oldest !== undefined) clients.delete(oldest);
      return backend;
    },
    get size() {
      return backends.length;
    },
  };
}

function orderOf(backend: Backend): string {
  return `${backend.address} ${String(backend.port).padStart(5, "0")}`;
}
