import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { freePort } from "@coxswain/daemon/testing";
import { silentLog, testPort } from "../../testing/service-port.ts";
import { createHealthChecks } from "./health-checks.ts";
import type { HealthChecks } from "./health-checks.ts";

let checks: HealthChecks | undefined;
afterEach(() => checks?.stop());

async function ask(port: number): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${port}/`);
  return [response.status, response.headers.get("x-load-balancing-endpoint-weight"), await response.json()];
}

describe("health checks", () => {
  it("a health-check port says how many local endpoints there are, and 503 where there are none", async () => {
    const port = await freePort();
    let healthy = true;
    checks = createHealthChecks({ log: silentLog, healthy: () => healthy });
    const service = (localEndpoints: number) =>
      testPort({ healthCheck: { port, namespace: "shop", name: "web", localEndpoints } });
    checks.update([service(2), service(1)]);
    const answer = (localEndpoints: number) => ({
      service: { namespace: "shop", name: "web" },
      localEndpoints,
      serviceProxyHealthy: healthy,
    });
    expect(await ask(port)).toEqual([200, "2", answer(2)]);
    checks.update([service(0)]);
    expect(await ask(port)).toEqual([503, "0", answer(0)]);
    checks.update([service(1)]);
    healthy = false;
    expect(await ask(port)).toEqual([503, "1", answer(1)]);
    checks.update([]);
    await expect(ask(port)).rejects.toThrow();
  });

  it("a port that a stranger has is served as soon as the stranger has gone", async () => {
    const stranger = createServer().listen(0);
    await new Promise((resolve) => stranger.once("listening", resolve));
    const { port } = stranger.address() as AddressInfo;
    const told = Promise.withResolvers<void>();
    checks = createHealthChecks({ log: { ...silentLog, warn: () => told.resolve() }, healthy: () => true });
    const wanted = [testPort({ healthCheck: { port, namespace: "shop", name: "web", localEndpoints: 1 } })];
    checks.update(wanted);
    await told.promise;
    await new Promise((resolve) => stranger.close(resolve));
    checks.update(wanted);
    expect(await ask(port)).toMatchObject([200, "1", { localEndpoints: 1 }]);
  });
});
