// Desired and actual state: what is taken away behind the cluster's back returns, records outlive every process, and what fails is told of.
import { strict as assert } from "node:assert";
import { eventually } from "../cluster.ts";
import { deployment, idle, pod, shellContainer, webContainer } from "../demos/props.ts";
import { apply, containersOn, kubectl, ready, shell, workers } from "../demos/stage.ts";
import type { Demo, Stage } from "../demos/stage.ts";
import { becomes, docker, events, field, killDaemon, master } from "./look.ts";

export const returning: Demo = {
  challenge: "a container that is removed behind the system's back is back within a bounded time",
  async play(stage) {
    await apply(stage, deployment("web", 2, [webContainer()]));
    const [victim] = await ready(stage, "app=web", 2);
    const { name } = victim?.metadata ?? { name: "" };
    const node = victim?.spec.nodeName ?? "";
    const id = victim?.status.containerStatuses?.[0]?.containerID?.replace(/^.*:\/\//, "") ?? "";
    await docker(stage, node, "rm", "-f", id);
    const begun = performance.now();
    await eventually("another container of the same pod", 60_000, async () =>
      (await containersOn(stage, node)).includes(name) ? true : undefined,
    );
    await ready(stage, "app=web", 2, (pods) =>
      pods.some(
        ({ metadata, status }) => metadata.name === name && !status.containerStatuses?.[0]?.containerID?.endsWith(id),
      ),
    );
    stage.say(`back and ready ${seconds(begun)} s after docker rm -f, in the same pod`);
  },
};

export const recorded: Demo = {
  challenge: "every object and its resourceVersion outlives a kill -9 of every control-plane process",
  async play(stage) {
    const on = await master(stage);
    await apply(stage, deployment("web", 3, [webContainer()]));
    await kubectl(stage, ["create", "configmap", "kept", "--from-literal=a=b"]);
    await kubectl(stage, ["create", "secret", "generic", "hidden", "--from-literal=a=b"]);
    await ready(stage, "app=web", 3);
    const before = await quiet(stage);
    for (const daemon of ["store", "apiserver", "scheduler", "controller-manager"]) await killDaemon(stage, on, daemon);
    const after = await eventually("the API answers again", 60_000, () => records(stage));
    for (const [object, version] of before) assert.equal(after.get(object), version, `resourceVersion of ${object}`);
    stage.say(`${before.size} objects, each with the resourceVersion that it had`);
    await kubectl(stage, ["scale", "deployment", "web", "--replicas=4"]);
    await ready(stage, "app=web", 4);
    stage.say("and the cluster goes on");
  },
};

/** What changes by itself, with the time that goes by. */
const restless = /^(events|leases|nodes|componentstatuses|.*\.metrics\.k8s\.io)/;

/** All objects there are, with their resourceVersions. */
async function records(stage: Stage): Promise<ReadonlyMap<string, string>> {
  const kinds = (await kubectl(stage, ["api-resources", "--verbs=list", "-o", "name"])).trim().split("\n");
  const asked = kinds.filter((kind) => !restless.test(kind)).join(",");
  const row = "{.kind} {.metadata.namespace}/{.metadata.name} {.metadata.uid}";
  const path = `jsonpath={range .items[*]}${row}={.metadata.resourceVersion}{"\\n"}{end}`;
  const text = await stage.cluster.must(["get", asked, "--all-namespaces", "-o", path]);
  return new Map(
    text
      .trim()
      .split("\n")
      .map((line) => line.split("=") as [string, string]),
  );
}

/** The records once nothing is written any more. */
async function quiet(stage: Stage): Promise<ReadonlyMap<string, string>> {
  let last = await records(stage);
  return eventually("a quiet cluster", 60_000, async () => {
    const now = await records(stage);
    const same = now.size === last.size && [...now].every(([object, version]) => last.get(object) === version);
    last = now;
    return same ? now : undefined;
  });
}

export const toldOf: Demo = {
  challenge: "an Event and a status change follow each failure",
  async play(stage) {
    const once = (script: string) => shellContainer(script, { name: "main" });
    const probing = webContainer({
      readinessProbe: { exec: { command: ["test", "!", "-e", "/tmp/unwell"] }, periodSeconds: 1, failureThreshold: 1 },
    });
    await apply(
      stage,
      pod("crashing", [once("exit 3")]),
      pod("imageless", [shellContainer(idle, { image: "coxswain/none:1" })]),
      pod("huge", [shellContainer(idle, { resources: { requests: { cpu: "1000" } } })]),
      pod("unwell", [probing]),
      pod("without-map", [shellContainer(idle, { envFrom: [{ configMapRef: { name: "nowhere" } }] })]),
    );
    await ready(stage, "app=unwell", 1);
    await shell(stage, "unwell", "touch /tmp/unwell");
    const told = async (name: string, path: string, status: RegExp, event: RegExp): Promise<void> => {
      await becomes(`the status of ${name}`, status, () => field(stage, path, "pod", name));
      await becomes(`the events of ${name}`, event, () => events(stage, `pod/${name}`));
      stage.say(`${name}: ${String(status)} and an event ${String(event)}`);
    };
    const waiting = "{.status.containerStatuses[0].state.waiting.reason}";
    const condition = (type: string) => `{.status.conditions[?(@.type=="${type}")].status}`;
    await told("crashing", waiting, /^CrashLoopBackOff$/, /Warning +BackOff .*Back-off restarting failed container/);
    await told("imageless", waiting, /^ErrImageNeverPull$/, /Warning +ErrImageNeverPull /);
    await told("huge", condition("PodScheduled"), /^False$/, /Warning +FailedScheduling .*Insufficient cpu/);
    await told("unwell", condition("Ready"), /^False$/, /Warning +Unhealthy .*Readiness probe failed/);
    await told(
      "without-map",
      waiting,
      /^CreateContainerConfigError$/,
      /Warning +Failed .*configmap "nowhere" not found/,
    );
    // A node's failure: the engine ends, the node says so itself.
    const [node = ""] = await workers(stage);
    await killDaemon(stage, node, "node-agent");
    await becomes("the events of the node", /Normal +Starting /, () =>
      stage.cluster.must(["events", "-n", "default", `--for=node/${node}`]),
    );
  },
};

const seconds = (begunMs: number): string => ((performance.now() - begunMs) / 1000).toFixed(1);
