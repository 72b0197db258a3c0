// Groups that another server answers for (APIServices), as kubectl and plain requests see them. Two apiservers on one store, each of which asks
// that server for itself.
// About 5 seconds.
import { createServer } from "node:https";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { systemClock } from "@coxswain/clock";
import { createAuthority } from "@coxswain/pki";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ControlPlane } from "./control-plane.ts";
import { startControlPlane } from "./control-plane.ts";

let plane: ControlPlane;
const dir = mkdtempSync(join(tmpdir(), "coxswain-aggregation-"));
const must = (line: string, input?: string): Promise<string> => plane.must(line.split(" "), input);
type Described = Readonly<Record<string, object>>;

beforeAll(async () => {
  const flags = ["--requestheader-username-headers=X-Remote-User,X-Asker", "--requestheader-allowed-names=nobody"];
  const authority = join(dir, "proxies.crt");
  writeFileSync(authority, (await createAuthority("proxies", 86_400_000, systemClock)).certificate);
  plane = await startControlPlane({ apiservers: 2, flags: [...flags, `--requestheader-client-ca-file=${authority}`] });
});
afterAll(async () => {
  await plane?.[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

describe("a group that another server answers for", () => {
  const path = "/apis/shop.example.com/v1";
  const described = `/openapi/v3${path}`;
  const service = (spec: string): string =>
    `---\n{apiVersion: apiregistration.k8s.io/v1, kind: APIService, metadata: {name: v1.shop.example.com}, spec: {group: shop.example.com,
      version: v1, groupPriorityMinimum: 1000, versionPriority: 10, service: {name: shop, namespace: default}, ${spec}}}`;
  const reason = (): Promise<string> =>
    must('get apiservice v1.shop.example.com -o jsonpath={.status.conditions[?(@.type=="Available")].reason}');

  /** As servers of other groups say it in OpenAPI of version 2; what it calls a Secret is none of ours. */
  const orderedApi = {
    swagger: "2.0",
    paths: {
      "/healthz": { get: { responses: { 200: { description: "OK" } } } },
      [`${path}/orders`]: {
        parameters: [{ $ref: "#/parameters/pretty" }],
        get: { responses: { 200: { description: "OK", schema: { $ref: "#/definitions/com.example.shop.Order" } } } },
      },
    },
    parameters: { pretty: { name: "pretty", in: "query", type: "string" } },
    definitions: {
      "com.example.shop.Order": {
        type: "object",
        properties: {
          count: { type: "integer", minimum: 1 },
          secret: { $ref: "#/definitions/io.k8s.api.core.v1.Secret" },
        },
      },
      "io.k8s.api.core.v1.Secret": { type: "string", description: "Not ours." },
    },
  };
  const openApi = async (): Promise<{ etag: string | undefined; paths: Described; definitions: Described }> => {
    const { text, headers } = await plane.call("GET", "/openapi/v2");
    const { paths, definitions } = JSON.parse(text) as Record<"paths" | "definitions", Described>;
    return { etag: String(headers["etag"]), paths, definitions };
  };

  it("is unavailable until that server answers, is then its own, and is gone with its registration", async () => {
    await plane.pki.ensureControlPlane("shop", ["shop.default.svc"], "10.96.0.1");
    const { cert, key } = plane.pki.files("shop", "apiserver");
    // As servers of other groups do it: only who shows a certificate of this authority may say whom it speaks for.
    const ca = readFileSync(plane.pki.authorityFile("front-proxy-ca"));
    const tls = { cert: readFileSync(cert), key: readFileSync(key), ca, requestCert: true, rejectUnauthorized: true };
    const server = createServer(tls, (request, response) => {
      const resources = [
        { name: "orders", singularName: "order", namespaced: true, kind: "Order", verbs: ["get", "list"] },
      ];
      const order = {
        kind: "Order",
        apiVersion: "shop.example.com/v1",
        metadata: { name: "first", namespace: "default" },
      };
      const { authorization: _secret, ...headers } = request.headers;
      if (request.url === "/openapi/v2") {
        response.setHeader("etag", '"1"');
        if (headers["if-none-match"] === '"1"') return void response.writeHead(304).end();
      }
      const body =
        request.url === path
          ? { kind: "APIResourceList", apiVersion: "v1", groupVersion: "shop.example.com/v1", resources }
          : request.url === "/openapi/v3"
            ? { paths: { [path.slice(1)]: { serverRelativeURL: `${described}?hash=ABC` } } }
            : request.url === "/openapi/v2"
              ? orderedApi
              : {
                  ...order,
                  asked: {
                    url: request.url,
                    method: request.method,
                    user: headers["x-remote-user"],
                    groups: headers["x-remote-group"],
                    asker: headers["x-asker"] ?? null,
                    proxy: (request.socket as TLSSocket).getPeerCertificate().subject.CN,
                  },
                };
      response.setHeader("content-type", "application/json").end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
    try {
      const address = Object.values(networkInterfaces())
        .flat()
        .find((each) => each?.family === "IPv4" && !each.internal)?.address;
      const { port } = server.address() as AddressInfo;
      const before = await openApi();
      await must("create -f -", service("insecureSkipTLSVerify: true"));
      await must("wait --for=condition=Available=false --timeout=30s apiservice/v1.shop.example.com");
      expect(await reason()).toBe("ServiceNotFound");
      const refusal = await plane.call("GET", `${path}/namespaces/default/orders`);
      expect([refusal.status, refusal.text]).toEqual([503, "service unavailable\n"]);
      await must(
        "create -f -",
        `---\n{apiVersion: v1, kind: Service, metadata: {name: shop}, spec: {ports: [{port: 443, targetPort: ${port}}]}}
---\n{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: shop, labels: {kubernetes.io/service-name: shop}},
        addressType: IPv4, ports: [{name: "", port: ${port}}], endpoints: [{addresses: [${address}]}]}`,
      );
      // Its certificate is of an authority that the registration names, for the name of the service.
      const authority = readFileSync(plane.pki.authorityFile("kubernetes-ca")).toString("base64");
      await must("replace -f -", service(`caBundle: ${authority}`));
      await must("wait --for=condition=Available --timeout=30s apiservice/v1.shop.example.com");
      expect(await reason()).toBe("Passed");
      expect(await must("api-resources --api-group=shop.example.com -o name")).toBe("orders.shop.example.com\n");
      expect(await must("get orders first -o name")).toBe("order.shop.example.com/first\n");
      const answer = await plane.call("GET", `${path}/namespaces/default/orders/first?pretty=false`, {
        headers: {
          "impersonate-user": "alice",
          "impersonate-group": "system:masters",
          "x-remote-user": "mallory",
          "x-asker": "mallory",
        },
      });
      expect(JSON.parse(answer.text)).toMatchObject({
        asked: {
          url: `${path}/namespaces/default/orders/first?pretty=false`,
          method: "GET",
          user: "alice",
          asker: null,
          proxy: "front-proxy-client",
          groups: "system:masters, system:authenticated",
        },
      });
      const documents = (await plane.call("GET", "/openapi/v3")).text;
      expect(documents).toContain(`"apis/shop.example.com/v1":{"serverRelativeURL":"${described}?hash=ABC"}`);
      expect(JSON.parse((await plane.call("GET", `${described}?hash=ABC`)).text)).toMatchObject({
        asked: { url: `${described}?hash=ABC`, user: "kubernetes-admin" },
      });
      // Each apiserver asks for itself.
      await expect
        .poll(async () => Object.keys((await openApi()).paths), { timeout: 30_000 })
        .toContain(`${path}/orders`);
      const during = await openApi();
      expect(during.etag).not.toBe(before.etag);
      expect(during.paths[`${path}/orders`]).toEqual({
        ...orderedApi.paths[`${path}/orders`],
        parameters: [orderedApi.parameters.pretty],
      });
      expect(during.definitions["com.example.shop.Order"]).toHaveProperty("properties.secret", {
        $ref: "#/definitions/io.k8s.api.core.v1.Secret_v2",
      });
      expect(during.definitions["io.k8s.api.core.v1.Secret_v2"]).toEqual({ type: "string", description: "Not ours." });
      expect(Object.keys(during.definitions)).toEqual(expect.arrayContaining(Object.keys(before.definitions)));
      expect(during.paths["/healthz"]).toEqual(before.paths["/healthz"]);
      await must("delete apiservice v1.shop.example.com");
      for (let status = 0; status !== 404;) ({ status } = await plane.call("GET", path));
      await expect
        .poll(async () => Object.keys((await openApi()).paths), { timeout: 30_000 })
        .not.toContain(`${path}/orders`);
      expect(await must("get apiservice v1.apps --no-headers")).toMatch(/^v1.apps +Local +True/);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
