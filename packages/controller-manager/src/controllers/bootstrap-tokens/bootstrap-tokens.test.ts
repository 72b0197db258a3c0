import { createHmac } from "node:crypto";
import { configMaps, secrets } from "@coxswain/api/core/v1";
import type { Secret } from "@coxswain/api/core/v1";
import { rfc3339 } from "@coxswain/clock";
import { expect, it } from "vitest";
import { createWorld } from "../../../testing/world.ts";
import { createBootstrapSignerController, createTokenCleanerController } from "./controllers.ts";

const token = (id: string, more: Record<string, string> = {}): Secret => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { namespace: "kube-system", name: `bootstrap-token-${id}` },
  type: "bootstrap.kubernetes.io/token",
  data: Object.fromEntries(
    Object.entries({
      "token-id": id,
      "token-secret": "0123456789abcdef",
      "usage-bootstrap-signing": "true",
      ...more,
    }).map(([name, text]) => [name, Buffer.from(text).toString("base64")]),
  ),
});

it("the discovery ConfigMap is signed with every token that may sign, until the token ends and is removed", async () => {
  const world = createWorld(1);
  const manager = world.start(createBootstrapSignerController, createTokenCleanerController);
  const kubeconfig = "clusters: []\n";
  await world.api.resource(configMaps).create({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { namespace: "kube-public", name: "cluster-info" },
    data: { kubeconfig, "jws-kubeconfig-gone00": "of a token that is no more" },
  });
  await world.api.resource(secrets).create(token("abcdef"));
  await world.api.resource(secrets).create(token("silent", { "usage-bootstrap-signing": "false" }));
  await world.api.resource(secrets).create(token("brief0", { expiration: rfc3339(world.clock.now() + 60_000) }));
  await world.settle(2);
  const data = async () =>
    (await world.api.resource(configMaps).get({ namespace: "kube-public", name: "cluster-info" })).data ?? {};
  const signed = await data();
  expect(Object.keys(signed).toSorted()).toEqual(["jws-kubeconfig-abcdef", "jws-kubeconfig-brief0", "kubeconfig"]);
  const [header = "", payload, signature] = (signed["jws-kubeconfig-abcdef"] ?? "").split(".");
  expect(JSON.parse(Buffer.from(header, "base64url").toString())).toEqual({ alg: "HS256", kid: "abcdef" });
  const expected = createHmac("sha256", "abcdef.0123456789abcdef")
    .update(`${header}.${Buffer.from(kubeconfig).toString("base64url")}`)
    .digest("base64url");
  expect([payload, signature]).toEqual(["", expected]);
  await world.settle(62);
  expect(Object.keys(await data()).toSorted()).toEqual(["jws-kubeconfig-abcdef", "kubeconfig"]);
  expect(world.api.all(secrets).map(({ metadata }) => metadata.name)).toEqual([
    "bootstrap-token-abcdef",
    "bootstrap-token-silent",
  ]);
  await manager.stop();
});
