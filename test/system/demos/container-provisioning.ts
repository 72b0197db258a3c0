// A manifest becomes a container: its command, its environment and files from configuration and secret, its limits, on one
// machine's engine; and nothing is left of it when the manifest is taken back.
import { strict as assert } from "node:assert";
import { eventually } from "../cluster.ts";
import { idle, pod, shellContainer } from "./props.ts";
import { apply, containersOn, kubectl, ready, shell, workers } from "./stage.ts";
import type { Demo } from "./stage.ts";

export const demo: Demo = {
  challenge: "container provisioning",
  async play(stage) {
    await kubectl(stage, [
      "create",
      "configmap",
      "colours",
      "--from-literal=sky=blue",
      "--from-literal=page=<h1>hello</h1>",
    ]);
    await kubectl(stage, ["create", "secret", "generic", "door", "--from-literal=key=sesame"]);
    const container = shellContainer(`echo "the sky is $SKY" > /work/said; ${idle}`, {
      env: [{ name: "SKY", valueFrom: { configMapKeyRef: { name: "colours", key: "sky" } } }],
      resources: { limits: { memory: "24Mi", cpu: "100m" } },
      volumeMounts: [
        { name: "work", mountPath: "/work" },
        { name: "colours", mountPath: "/colours" },
        { name: "door", mountPath: "/door" },
      ],
    });
    const volumes = [
      { name: "work", emptyDir: {} },
      { name: "colours", configMap: { name: "colours" } },
      { name: "door", secret: { secretName: "door" } },
    ];
    await apply(stage, pod("made", [container], { volumes }));
    const [made] = await ready(stage, "app=made", 1);
    const said = await shell(
      stage,
      "made",
      "cat /work/said /colours/page /door/key; echo; cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes",
    );
    assert.deepEqual(said.trim().split("\n"), ["the sky is blue", "<h1>hello</h1>sesame", String(24 << 20)]);
    stage.say("the container runs what it was asked to, with its configuration, its secret and its limits");

    const node = made?.spec.nodeName ?? "";
    const found = await Promise.all(
      (await workers(stage)).map(async (name) => [name, await containersOn(stage, name)]),
    );
    assert.deepEqual(
      found.filter(([, pods]) => (pods?.length ?? 0) > 0),
      [[node, ["made"]]],
    );
    await kubectl(stage, ["delete", "pod", "made", "--wait=true"]);
    await eventually("the engine has forgotten it", 30_000, async () =>
      (await containersOn(stage, node)).length === 0 ? true : undefined,
    );
    stage.say(`only the engine of ${node} had it, and has it no more`);
  },
};
