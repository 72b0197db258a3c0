// What CNI plugins are told, and what is understood of their answers.
import { expect, test } from "vitest";
import type { Pod } from "@coxswain/api/core/v1";
import { addressIn, attachmentOf, cniCall, failureIn, parseCniConfig } from "./cni.ts";
import { mayAsk, settleVersion, versionsIn } from "./cni-versions.ts";

const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web", namespace: "shop", uid: "u-1" },
  spec: {
    initContainers: [
      { name: "once", ports: [{ containerPort: 1, hostPort: 1 }] },
      { name: "sidecar", restartPolicy: "Always", ports: [{ containerPort: 53, hostPort: 5353, protocol: "UDP" }] },
    ],
    containers: [
      { name: "main", ports: [{ containerPort: 80, hostPort: 8080, hostIP: "127.0.0.1" }, { containerPort: 9 }] },
    ],
  },
};
const list = `{"cniVersion":"1.0.0","name":"net","plugins":[
  {"type":"bridge","ipam":{"type":"host-local"}},
  {"type":"portmap","capabilities":{"portMappings":true,"bandwidth":true,"ips":false}}]}`;

test("a list of plugins, and one plugin alone, are a network; what is neither is refused with a sentence", () => {
  expect(parseCniConfig(list).plugins.map(({ type }) => type)).toEqual(["bridge", "portmap"]);
  expect(parseCniConfig(`{"name":"one","type":"ptp","mtu":1400}`)).toEqual({
    ...{ cniVersion: "0.3.1", cniVersions: [], name: "one", disableCheck: false, disableGC: false },
    plugins: [{ name: "one", type: "ptp", mtu: 1400 }],
  });
  const refusals = [
    "[]",
    `{"name":"a"}`,
    `{"name":"../a","type":"ptp"}`,
    `{"name":"a","type":"../ptp"}`,
    `{"name":"a","plugins":[]}`,
    `{"name":"a","cniVersions":"1.1.0","type":"ptp"}`,
  ];
  expect(refusals.map((text) => refusal(() => parseCniConfig(text)))).toEqual([
    "expected an object",
    "a plugin has no good type",
    "the network has no good name",
    "a plugin has no good type",
    "there are no plugins",
    "cniVersions is not a list of texts",
  ]);
});

test("a plugin is told of the sandbox, of what it can do, and of the result before it", () => {
  const network = parseCniConfig(list);
  const attachment = attachmentOf(pod, "s-1", "/proc/7/ns/net");
  const [bridge, portmap] = network.plugins.map((plugin) => cniCall(network, plugin, "ADD", attachment, { ips: [] }));
  expect(bridge?.environment).toEqual({
    CNI_COMMAND: "ADD",
    CNI_CONTAINERID: "s-1",
    CNI_NETNS: "/proc/7/ns/net",
    CNI_IFNAME: "eth0",
    CNI_ARGS: "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=s-1;K8S_POD_UID=u-1",
  });
  expect(JSON.parse(bridge?.input ?? "")).toEqual({
    ...{ cniVersion: "1.0.0", name: "net", type: "bridge", ipam: { type: "host-local" }, prevResult: { ips: [] } },
  });
  expect(JSON.parse(portmap?.input ?? "")).toEqual({
    ...{ cniVersion: "1.0.0", name: "net", type: "portmap", prevResult: { ips: [] } },
    runtimeConfig: {
      portMappings: [
        { hostPort: 8080, containerPort: 80, protocol: "tcp", hostIP: "127.0.0.1" },
        { hostPort: 5353, containerPort: 53, protocol: "udp" },
      ],
    },
  });
});

test("the version is the newest that the network offers, we know and every plugin supports; it decides what may be asked", () => {
  const settle = (offered: readonly string[], ...plugins: readonly (readonly string[])[]) => {
    const [cniVersion = "", ...cniVersions] = offered;
    const types = plugins.map((_, index) => ({ type: `p${index}` }));
    const network = parseCniConfig(JSON.stringify({ cniVersion, cniVersions, name: "net", plugins: types }));
    return settleVersion(network, new Map(plugins.map((versions, index) => [`p${index}`, versions])));
  };
  const old = ["0.3.0", "0.3.1", "0.4.0"];
  const settled = [
    settle(["1.0.0", "1.1.0"], ["1.0.0", "1.1.0"], ["1.1.0", "1.0.0"]),
    settle(["1.0.0", "1.1.0"], ["1.0.0", "1.1.0"], ["1.0.0"]),
    settle(["1.2.0", "0.4.0"], old),
    settle(["0.3.1"], [...old, "1.1.0"]),
  ];
  expect(settled.map(({ cniVersion }) => cniVersion)).toEqual(["1.1.0", "1.0.0", "0.4.0", "0.3.1"]);
  expect(
    settled.map((network) => (["STATUS", "GC", "CHECK"] as const).filter((verb) => mayAsk(network, verb))),
  ).toEqual([["STATUS", "GC", "CHECK"], ["CHECK"], ["CHECK"], []]);
  expect(refusal(() => settle(["1.2.0"], ["1.2.0"]))).toBe(
    "expected a cniVersion of 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0, found 1.2.0",
  );
  expect(refusal(() => settle(["1.0.0", "1.1.0"], ["1.0.0"], old))).toBe(
    "plugin p1 does not support config version 1.1.0 or 1.0.0, but 0.3.0, 0.3.1, 0.4.0",
  );
  expect(refusal(() => versionsIn({ cniVersion: "0.2.0" }))).toBe("its answer to VERSION has no supportedVersions");
});

test("of a result the first IPv4 address counts, of a failure what the plugin says", () => {
  const result = { ips: [{ address: "fd00::2/64" }, { address: "10.1.2.3/24" }, { address: "10.1.2.4/24" }] };
  expect([addressIn(result), addressIn({}), addressIn({ ips: [{ address: 5 }] })]).toEqual([
    "10.1.2.3",
    undefined,
    undefined,
  ]);
  expect([`{"code":11,"msg":"try again","details":"later"}`, " oops\n"].map(failureIn)).toEqual([
    "try again; later",
    "oops",
  ]);
});

function refusal(parse: () => unknown): string {
  try {
    parse();
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
