import { expect, test } from "vitest";
import type { Pod } from "@coxswain/api/core/v1";
import { rfc3339 } from "@coxswain/clock";
import { podStatus } from "./status.ts";
import type { ContainerView, PodView } from "./view.ts";

const now = Date.parse("2026-11-21T05:00:00Z");
const at = rfc3339(now);

const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web", namespace: "default", uid: "u" },
  spec: { containers: [{ name: "main", image: "busybox:1" }], restartPolicy: "Always" },
  status: { conditions: [{ type: "PodScheduled", status: "True", lastTransitionTime: at }], qosClass: "BestEffort" },
};

const running: ContainerView = {
  id: "c1",
  name: "main",
  sandboxId: "s0",
  attempt: 0,
  crashes: 0,
  specHash: "",
  state: "running",
  createdAtMs: now,
  startedAtMs: now,
  finishedAtMs: undefined,
  exitCode: undefined,
  oomKilled: false,
  startError: undefined,
  image: "busybox:1",
  imageId: "sha256:b",
  terminationMessage: "",
  resources: undefined,
};

function viewOf(change: Partial<PodView> = {}): PodView {
  return {
    pod,
    orphaned: false,
    sandboxes: [{ id: "s0", attempt: 0, running: true, createdAtMs: now }],
    containers: [running],
    busy: new Set(),
    stopping: new Map(),
    volumes: { state: "ready" },
    failures: new Map(),
    sandboxFailure: undefined,
    probes: new Map(),
    inPostStart: new Set(),
    isAddressed: false,
    podIP: "10.244.1.2",
    backoff: { firstMs: 10_000, longestMs: 300_000 },
    retriedAtMs: undefined,
    deletionSeenAtMs: undefined,
    fenced: false,
    ending: undefined,
    node: {
      allocatable: { cpu: 4, memoryBytes: 2 ** 33 },
      room: { cpu: 2, memoryBytes: 2 ** 32 },
      memoryBytes: 2 ** 33,
    },
    resizeFailures: new Map(),
    ...change,
  };
}

const read = (change: Partial<PodView>) => {
  const status = podStatus(viewOf(change), { hostIPs: ["10.0.0.1"] }, now);
  const conditions = Object.fromEntries(
    (status.conditions ?? []).map((condition) => [condition.type, condition.reason ?? condition.status]),
  );
  return { phase: status.phase, state: status.containerStatuses?.[0]?.state, conditions };
};

test("podStatus of a running pod is whole", () => {
  expect(podStatus(viewOf(), { hostIPs: ["10.0.0.1"] }, now)).toEqual({
    phase: "Running",
    startTime: at,
    qosClass: "BestEffort",
    hostIP: "10.0.0.1",
    hostIPs: [{ ip: "10.0.0.1" }],
    podIP: "10.244.1.2",
    podIPs: [{ ip: "10.244.1.2" }],
    containerStatuses: [
      {
        name: "main",
        state: { running: { startedAt: at } },
        lastState: {},
        ready: true,
        resources: {},
        started: true,
        restartCount: 0,
        image: "busybox:1",
        imageID: "docker://sha256:b",
        containerID: "docker://c1",
      },
    ],
    conditions: [
      { type: "PodReadyToStartContainers", status: "True", lastTransitionTime: at },
      { type: "Initialized", status: "True", lastTransitionTime: at },
      { type: "Ready", status: "True", lastTransitionTime: at },
      { type: "ContainersReady", status: "True", lastTransitionTime: at },
      { type: "PodScheduled", status: "True", lastTransitionTime: at },
    ],
  });
});

test("podStatus says ContainerCreating before, and with an image that is missing why", () => {
  expect(read({ containers: [] })).toMatchObject({
    phase: "Pending",
    state: { waiting: { reason: "ContainerCreating" } },
    conditions: { Ready: "ContainersNotReady" },
  });
  const failures = new Map([["main", { reason: "ErrImageNeverPull", message: "no image", retryAtMs: now }]]);
  expect(read({ containers: [], failures })).toMatchObject({
    phase: "Pending",
    state: { waiting: { reason: "ErrImageNeverPull", message: "no image" } },
  });
});

test("podStatus says CrashLoopBackOff in Kubernetes' words", () => {
  const crashed: ContainerView = {
    ...running,
    state: "exited",
    exitCode: 1,
    finishedAtMs: now,
    attempt: 3,
    crashes: 3,
  };
  expect(read({ containers: [crashed] })).toMatchObject({
    phase: "Running",
    state: {
      waiting: {
        reason: "CrashLoopBackOff",
        message:
          "back-off 40s restarting failed container=main pod=web_default(u), next attempt at 2026-11-21T05:00:40Z",
      },
    },
  });
});

test.each([
  ["Never", 0, "Succeeded", "PodCompleted"],
  ["Never", 1, "Failed", "PodFailed"],
  ["OnFailure", 0, "Succeeded", "PodCompleted"],
])("podStatus under %s after code %i is %s", (restartPolicy, exitCode, phase, ready) => {
  const ended: ContainerView = { ...running, state: "exited", exitCode, finishedAtMs: now };
  const changed = { ...pod, spec: { containers: [{ name: "main" }], restartPolicy: restartPolicy as "Never" } };
  expect(read({ pod: changed, containers: [ended] })).toMatchObject({ phase, conditions: { Ready: ready } });
});

test("podStatus tells OOM kills and refused starts apart", () => {
  const never = { ...pod, spec: { containers: [{ name: "main" }], restartPolicy: "Never" as const } };
  const ended: ContainerView = { ...running, state: "exited", exitCode: 137, finishedAtMs: now };
  expect(read({ pod: never, containers: [{ ...ended, oomKilled: true }] }).state?.terminated?.reason).toBe("OOMKilled");
  expect(
    read({ pod: never, containers: [{ ...ended, exitCode: 128, startError: "no such file" }] }).state?.terminated,
  ).toMatchObject({ reason: "StartError", exitCode: 128, message: "no such file" });
});

test("podStatus is not Ready while a readiness gate is unmet, and passes foreign conditions through", () => {
  const gated = {
    ...pod,
    spec: { containers: [{ name: "main" }], readinessGates: [{ conditionType: "example.com/fed" }] },
  };
  expect(read({ pod: gated }).conditions).toMatchObject({ Ready: "ReadinessGatesNotReady", ContainersReady: "True" });
  const fed = {
    ...gated,
    status: { conditions: [{ type: "example.com/fed", status: "True" as const, lastTransitionTime: at }] },
  };
  expect(read({ pod: fed }).conditions).toMatchObject({ Ready: "True", "example.com/fed": "True" });
});

test("podStatus keeps the time at which a condition last changed", () => {
  const first = podStatus(viewOf(), { hostIPs: [] }, now);
  const later = podStatus(viewOf({ pod: { ...pod, status: first } }), { hostIPs: [] }, now + 60_000);
  expect(later.conditions).toEqual(first.conditions);
});

test("a pod that the node has no place for says why, and nothing of containers that will never be", () => {
  const message = "Pod was rejected: Node didn't have enough resource: cpu, requested: 9000, used: 0, capacity: 4000";
  const ending = { reason: "OutOfcpu", message, graceSeconds: 0, isDisruption: false };
  const view = viewOf({ sandboxes: [], containers: [], podIP: undefined, ending });
  const status = { ...pod.status, phase: "Failed", reason: "OutOfcpu", message, startTime: at };
  expect(podStatus(view, { hostIPs: ["192.0.2.7"] }, now)).toEqual(status);
  const again = viewOf({ pod: { ...pod, status: { ...status, phase: "Failed" } }, sandboxes: [], containers: [] });
  expect(podStatus(again, { hostIPs: ["192.0.2.7"] }, now + 60_000)).toEqual(status);
});

test("podStatus counts an init container as incomplete until it is through", () => {
  const withInit: Pod = {
    ...pod,
    spec: { ...pod.spec, initContainers: [{ name: "init" }, { name: "next" }], containers: pod.spec?.containers ?? [] },
  };
  const incomplete = (change: Partial<ContainerView>): unknown => {
    const view = viewOf({ pod: withInit, containers: [{ ...running, name: "init", ...change }] });
    const { conditions, initContainerStatuses } = podStatus(view, { hostIPs: ["10.0.0.1"] }, now);
    const { message } = conditions?.find(({ type }) => type === "Initialized") ?? {};
    return [initContainerStatuses?.[0]?.ready, initContainerStatuses?.[0]?.started, message];
  };
  const words = "containers with incomplete status:";
  expect(incomplete({})).toEqual([false, true, `${words} [init next]`]);
  expect(incomplete({ state: "exited", exitCode: 1, finishedAtMs: now })).toEqual([
    false,
    false,
    `${words} [init next]`,
  ]);
  expect(incomplete({ state: "exited", exitCode: 0, finishedAtMs: now })).toEqual([true, false, `${words} [next]`]);
});
