import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { secrets, serviceAccounts } from "@coxswain/api/core/v1";
import type { Secret } from "@coxswain/api/core/v1";
import { createServiceAccountKey, createTokenVerifier } from "@coxswain/pki";
import { afterAll, expect, it } from "vitest";
import { createWorld } from "../../../testing/world.ts";
import { createServiceAccountTokenController } from "./controller.ts";

const folder = mkdtempSync(join(tmpdir(), "coxswain-tokens-"));
afterAll(() => rmSync(folder, { recursive: true }));

const secret = (name: string, account: string): Secret => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { namespace: "shop", name, annotations: { "kubernetes.io/service-account.name": account } },
  type: "kubernetes.io/service-account-token",
});
const decode = (text: string | undefined): string => Buffer.from(text ?? "", "base64").toString();

it("a secret gets a token of its account and goes with it; one of no account goes at once", async () => {
  const key = createServiceAccountKey();
  const keyFile = join(folder, "sa.key");
  writeFileSync(keyFile, key.privateKey);
  const world = createWorld(1);
  const ref = { namespace: "shop", name: "web-token" };
  const account = await world.api
    .resource(serviceAccounts)
    .create({ apiVersion: "v1", kind: "ServiceAccount", metadata: { namespace: "shop", name: "web" } });
  const manager = world.start((ports) => createServiceAccountTokenController(ports, { keyFile, rootCa: "CA" }));
  await world.api.resource(secrets).create(secret("web-token", "web"));
  await world.api.resource(secrets).create(secret("lost-token", "nobody"));
  // Signing is real work outside of the simulated clock.
  const filled = async () => {
    await world.settle(1);
    return world.api.all(secrets).map(({ metadata, data }) => [metadata.name, data?.["token"] !== undefined]);
  };
  await expect.poll(filled, { timeout: 10_000 }).toEqual([["web-token", true]]);
  const { data, metadata } = await world.api.resource(secrets).get(ref);
  expect([decode(data?.["namespace"]), decode(data?.["ca.crt"])]).toEqual(["shop", "CA"]);
  expect(metadata.annotations?.["kubernetes.io/service-account.uid"]).toBe(account.metadata.uid);
  const verifier = createTokenVerifier({ keyPems: [key.publicKey], issuers: [] });
  expect(await verifier.verify(decode(data?.["token"]))).toEqual({
    kind: "legacy",
    claims: {
      namespace: "shop",
      secretName: "web-token",
      serviceaccount: { name: "web", uid: account.metadata.uid },
    },
  });
  await world.api.resource(serviceAccounts).delete({ namespace: "shop", name: "web" });
  await expect.poll(filled, { timeout: 10_000 }).toEqual([]);
  await manager.stop();
});
