import { describe, expect, it } from "vitest";
import { flagPage, statusPage } from "./z-pages.ts";

const startedMs = Date.parse("2026-01-02T03:04:05Z");
const facts = {
  component: "kube-apiserver",
  startedMs,
  runtimeVersion: "none",
  binaryVersion: "1.36.4",
  emulationVersion: "1.36",
  flags: new Map([
    ["v", "0"],
    ["secure-port", "6443"],
  ]),
};
const paths = ["/", "/api/v1", "/apis/apps", "/healthz", "/livez", "/livez/etcd", "/openapi/v2", "/version"];
const status = (accept?: string): ReturnType<typeof statusPage> =>
  statusPage(facts, paths, accept, startedMs + 3_723_900);
const structured = (kind: string, version: string, type = "application/json"): string =>
  `${type};g=config.k8s.io;v=${version};as=${kind}`;

const text = `
kube-apiserver statusz
Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.

Started: Fri Jan  2 03:04:05 UTC 2026
Up: 1 hr 02 min 03 sec
Go version: none
Binary version: 1.36.4
Emulation version: 1.36
Paths: /healthz /livez /version
`;
const object = {
  kind: "Statusz",
  apiVersion: "config.k8s.io/v1beta1",
  metadata: { name: "kube-apiserver" },
  startTime: "2026-01-02T03:04:05Z",
  uptimeSeconds: 3723,
  goVersion: "none",
  binaryVersion: "1.36.4",
  emulationVersion: "1.36",
  paths: ["/healthz", "/livez", "/version"],
};

describe("statusPage", () => {
  it.each([undefined, "", "*/*", "text/plain", "text/*", `${structured("Statusz", "v7")},*/*`])(
    "is text for Accept: %s",
    (accept) => {
      expect(status(accept)).toEqual({ contentType: "text/plain; charset=utf-8", body: text, warning: undefined });
    },
  );

  it("is an object when its kind, group and version are asked for", () => {
    const { contentType, body, warning } = status(structured("Statusz", "v1beta1"));
    expect([contentType, JSON.parse(body), warning]).toEqual(["application/json", object, undefined]);
    expect(status(structured("Statusz", "v1beta1", "application/yaml"))).toMatchObject({
      contentType: "application/yaml",
      body: expect.stringContaining("uptimeSeconds: 3723\n"),
    });
  });

  it("warns of the alpha version, if that is the one that is answered with", () => {
    const [alpha, beta] = [structured("Statusz", "v1alpha1"), structured("Statusz", "v1beta1")];
    expect(status(`${alpha},${beta}`)).toMatchObject({
      body: expect.stringContaining("config.k8s.io/v1alpha1"),
      warning: "This version of the statusz endpoint is deprecated. Please use a newer version.",
    });
    expect(status(`${beta},${alpha}`).warning).toBeUndefined();
  });

  it.each([
    "application/json",
    "application/json;v=v1beta1;g=config.k8s.io",
    "application/xml",
    "application/cbor;v=v1beta1;g=config.k8s.io;as=Statusz",
    structured("Statusz", "v1beta1", "application/vnd.kubernetes.protobuf"),
    structured("Flagz", "v1beta1"),
  ])("refuses Accept: %s", (accept) => {
    expect(() => status(accept)).toThrow(
      "only the following media types are accepted: application/json, application/yaml, text/plain",
    );
  });
});

describe("flagPage", () => {
  it("names the flags in their order", () => {
    expect(flagPage(facts, undefined).body).toMatch(/^\nkube-apiserver flagz\nWarning: .*\n\nsecure-port=6443\nv=0\n$/);
    expect(JSON.parse(flagPage(facts, structured("Flagz", "v1beta1")).body)).toEqual({
      kind: "Flagz",
      apiVersion: "config.k8s.io/v1beta1",
      metadata: { name: "kube-apiserver" },
      flags: { "secure-port": "6443", v: "0" },
    });
  });
});
