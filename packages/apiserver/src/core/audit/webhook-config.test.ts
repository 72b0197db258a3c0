// Kubeconfigs of the audit webhook: what is read from them, and what is refused by name.
import { describe, expect, it } from "vitest";
import { readWebhookConfig } from "./webhook-config.ts";

const config = (cluster: object, user: object): string =>
  JSON.stringify({
    "current-context": "c",
    contexts: [{ name: "c", context: { cluster: "there", user: "me" } }],
    clusters: [{ name: "there", cluster: { server: "https://audit.example:8443/events", ...cluster } }],
    users: [{ name: "me", user }],
  });

describe("the kubeconfig of the audit webhook", () => {
  it("says where to send to, and as whom", () => {
    expect(readWebhookConfig(config({ "tls-server-name": "audit" }, { username: "u", password: "p" }))).toMatchObject({
      url: new URL("https://audit.example:8443/events"),
      serverName: "audit",
      isUnverified: false,
      basic: { username: "u", password: "p" },
    });
  });

  it.each([
    ["proxy-url", { "proxy-url": "http://proxy.example" }, {}],
    ["exec", {}, { exec: { command: "x" } }],
    ["auth-provider", {}, { "auth-provider": { name: "x" } }],
  ])("refuses %s by name", (name, cluster, user) => {
    expect(() => readWebhookConfig(config(cluster, user))).toThrow(`${name} is not supported here`);
  });

  it.each([
    ["", "expected a kubeconfig file"],
    ["{}", "there is no current-context"],
    [config({ server: "ftp://audit.example" }, {}), '"ftp://audit.example" is no address of a server'],
  ])("says what is wrong with %j", (text, why) => {
    expect(() => readWebhookConfig(text)).toThrow(why);
  });
});
