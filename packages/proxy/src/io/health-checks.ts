// Health-check node ports: outside load balancers ask each node whether it has endpoints of a service whose external policy
// is Local. One small HTTP server per service, with kube-proxy's words. It decides nothing: it tells what it was given.
import type { Server } from "node:http";
import type { Logger } from "@coxswain/daemon";
import type { HealthCheck, ServicePort } from "../core/service-port.ts";

// Not imported: the facade of an import evaluates all that node:http has, and so loads the client behind `fetch`, which no daemon uses.
const { createServer } = process.getBuiltinModule("node:http");

export interface HealthChecks {
  /** Opens, closes and updates servers; cheap when nothing has changed. */
  update(ports: readonly ServicePort[]): void;
  stop(): Promise<void>;
}

/** `healthy`: whether the proxy's rules are in force. `hosts`: the addresses to listen on; undefined: all. */
export function createHealthChecks(ports: { readonly log: Logger; readonly healthy: () => boolean }): HealthChecks {
  const open = new Map<number, { check: HealthCheck; readonly server: Server }>();
  const { log } = ports;

  const listen = (check: HealthCheck): void => {
    const server = createServer((_request, response) => {
      const { namespace, name, localEndpoints } = open.get(check.port)?.check ?? check;
      const serviceProxyHealthy = ports.healthy();
      response.writeHead(localEndpoints > 0 && serviceProxyHealthy ? 200 : 503, {
        "Content-Type": "application/json",
        "X-Content-Type-Options": "nosniff",
        "X-Load-Balancing-Endpoint-Weight": String(localEndpoints),
      });
      response.end(`${JSON.stringify({ service: { namespace, name }, localEndpoints, serviceProxyHealthy })}\n`);
    });
    server.on("error", (error) => {
      log.warn(
        { port: check.port, service: `${check.namespace}/${check.name}`, err: error },
        "health-check port cannot be served",
      );
      // Tried again with the next update: whoever has the port may go.
      if (open.get(check.port)?.server === server) open.delete(check.port);
    });
    server.listen(check.port);
    open.set(check.port, { check, server });
  };

  return {
    update(all) {
      const wanted = new Map<number, HealthCheck>();
      for (const { healthCheck } of all) if (healthCheck) wanted.set(healthCheck.port, merge(wanted, healthCheck));
      for (const [port, { server }] of open) {
        if (wanted.has(port)) continue;
        open.delete(port);
        server.close();
        server.closeAllConnections();
      }
      for (const [port, check] of wanted) {
        const known = open.get(port);
        if (known) known.check = check;
        else listen(check);
      }
    },
    async stop() {
      const servers = [...open.values()].map(({ server }) => server);
      open.clear();
      await Promise.all(
        servers.map(
          (server) =>
            new Promise<void>((resolve) => {
              server.close(() => resolve());
              server.closeAllConnections();
            }),
        ),
      );
    },
  };
}

/** The ports of a service share one check; the fullest of them counts. */
function merge(wanted: ReadonlyMap<number, HealthCheck>, check: HealthCheck): HealthCheck {
  const known = wanted.get(check.port);
  return known && known.localEndpoints > check.localEndpoints ? known : check;
}
