import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Container, Pod } from "@coxswain/api/core/v1";
import { backoffTimes, defaultBackoff, backoffOf, crashBackoffMs, crashesAfter, goSeconds } from "./backoff.ts";
import { specHash } from "./lifecycle.ts";
import { planPod } from "./plan.ts";
import type { ContainerView, PodView, SandboxView } from "./view.ts";

const now = 1_000_000;
const main: Container = { name: "main", image: "busybox:1" };

function podOf(spec: Partial<NonNullable<Pod["spec"]>> = {}, rest: Partial<Pod> = {}): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web", namespace: "default", uid: "u" },
    spec: { containers: [main], restartPolicy: "Always", terminationGracePeriodSeconds: 30, ...spec },
    ...rest,
  };
}

const sandbox: SandboxView = { id: "s0", attempt: 0, running: true, createdAtMs: now - 60_000 };

function attempt(name: string, change: Partial<ContainerView> = {}): ContainerView {
  return {
    id: `${name}-${change.attempt ?? 0}`,
    name,
    sandboxId: "s0",
    attempt: 0,
    crashes: 0,
    specHash: specHash({ ...main, name }),
    state: "running",
    createdAtMs: now - 50_000,
    startedAtMs: now - 50_000,
    finishedAtMs: undefined,
    exitCode: undefined,
    oomKilled: false,
    startError: undefined,
    image: "busybox:1",
    imageId: "sha256:b",
    terminationMessage: "",
    resources: undefined,
    ...change,
  };
}

function ended(name: string, exitCode: number, change: Partial<ContainerView> = {}): ContainerView {
  return attempt(name, { state: "exited", exitCode, finishedAtMs: now, ...change });
}

function viewOf(pod: Pod, change: Partial<PodView> = {}): PodView {
  return {
    pod,
    orphaned: false,
    sandboxes: [sandbox],
    containers: [],
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
    deletionSeenAtMs: now,
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

describe("planPod begins a pod", () => {
  test("with its volumes, before anything else", () => {
    expect(planPod(viewOf(podOf(), { sandboxes: [], volumes: { state: "absent" } }), now)).toEqual({
      actions: [{ type: "prepareVolumes" }],
      because: "volumes are not ready",
    });
  });
  test("then with its sandbox", () => {
    expect(planPod(viewOf(podOf(), { sandboxes: [] }), now)).toEqual({
      actions: [{ type: "createSandbox", attempt: 0 }],
      because: "the pod is new here",
    });
  });
  test("then with all regular containers at once", () => {
    const plan = planPod(viewOf(podOf({ containers: [main, { ...main, name: "side" }] })), now);
    expect(plan.actions).toEqual([
      { type: "startContainer", name: "main", attempt: 0, crashes: 0, because: "container main has not run yet" },
      { type: "startContainer", name: "side", attempt: 0, crashes: 0, because: "container side has not run yet" },
    ]);
  });
  test("and waits while an operation is under way", () => {
    expect(planPod(viewOf(podOf(), { busy: new Set(["main"]) }), now).actions).toEqual([]);
  });
});

describe("planPod runs init containers", () => {
  const init: Container[] = [
    { name: "one", image: "busybox:1" },
    { name: "side", image: "busybox:1", restartPolicy: "Always" },
    { name: "two", image: "busybox:1" },
  ];
  const pod = podOf({ initContainers: init });

  test("one after another", () => {
    expect(planPod(viewOf(pod), now)).toMatchObject({
      actions: [{ type: "startContainer", name: "one" }],
      because: "container one has not run yet",
    });
    expect(planPod(viewOf(pod, { containers: [attempt("one")] }), now)).toEqual({
      actions: [],
      because: "init container one has not completed",
    });
  });
  test("and goes on past a sidecar as soon as that has started", () => {
    const plan = planPod(viewOf(pod, { containers: [ended("one", 0), attempt("side")] }), now);
    expect(plan.actions).toMatchObject([{ type: "startContainer", name: "two" }]);
  });
  test("but not before the sidecar's startup probe has passed", () => {
    const probes = new Map([
      ["side-0", { startup: { result: "unknown" as const, message: "" }, liveness: undefined, readiness: undefined }],
    ]);
    expect(planPod(viewOf(pod, { containers: [ended("one", 0), attempt("side")], probes }), now).actions).toEqual([]);
  });
  test("and restarts a sidecar that ends, while the others run", () => {
    const plan = planPod(
      viewOf(pod, { containers: [ended("one", 0), ended("side", 1), ended("two", 0), attempt("main")] }),
      now,
    );
    expect(plan.actions).toEqual([
      { type: "startContainer", name: "side", attempt: 1, crashes: 1, because: "container side has ended with code 1" },
    ]);
  });
  test("and gives the pod up when one fails and nothing is to be restarted", () => {
    const plan = planPod(
      viewOf(podOf({ initContainers: init, restartPolicy: "Never" }), { containers: [ended("one", 1)] }),
      now,
    );
    expect(plan).toEqual({ actions: [{ type: "stopSandbox", id: "s0" }], because: "the pod has come to its end" });
  });
});

describe("planPod restarts a container", () => {
  test.each([
    ["Always", 0, true],
    ["Always", 1, true],
    ["OnFailure", 0, false],
    ["OnFailure", 1, true],
    ["Never", 0, false],
    ["Never", 1, false],
  ])("under %s after exit code %i: %s", (restartPolicy, exitCode, restarts) => {
    const pod = podOf({ restartPolicy: restartPolicy as "Always", containers: [main, { ...main, name: "other" }] });
    const plan = planPod(viewOf(pod, { containers: [ended("main", exitCode), attempt("other")] }), now);
    expect(plan.actions.map((action) => action.type)).toEqual(restarts ? ["startContainer"] : []);
  });
  test("at once the first time, then after its back-off", () => {
    const again = (crashes: number) =>
      planPod(viewOf(podOf(), { containers: [ended("main", 1, { attempt: crashes, crashes })] }), now);
    expect(again(0).actions).toEqual([
      { type: "startContainer", name: "main", attempt: 1, crashes: 1, because: "container main has ended with code 1" },
    ]);
    expect(again(1)).toEqual({
      actions: [],
      because: "container main waits before its next attempt",
      wakeAtMs: now + 10_000,
    });
    expect(again(3)).toMatchObject({ wakeAtMs: now + 40_000 });
  });
  test("that was removed behind its back, and keeps counting", () => {
    const status = {
      containerStatuses: [
        { name: "main", restartCount: 4, containerID: "docker://x", image: "", imageID: "", ready: true },
      ],
    };
    const plan = planPod(viewOf(podOf({}, { status })), now);
    expect(plan.actions).toEqual([
      { type: "startContainer", name: "main", attempt: 5, crashes: 0, because: "container main has vanished" },
    ]);
  });
  test("whose liveness probe fails, with the probe's own grace", () => {
    const pod = podOf({ containers: [{ ...main, livenessProbe: { terminationGracePeriodSeconds: 7 } }] });
    const probes = new Map([
      ["main-0", { startup: undefined, liveness: { result: "failure" as const, message: "" }, readiness: undefined }],
    ]);
    const because = "Container main failed liveness probe, will be restarted";
    expect(planPod(viewOf(pod, { containers: [attempt("main")], probes }), now)).toEqual({
      actions: [{ type: "stopContainer", name: "main", id: "main-0", graceSeconds: 7, because, runPreStop: true }],
      because,
    });
  });
  test("whose image was changed", () => {
    const plan = planPod(
      viewOf(podOf({ containers: [{ ...main, image: "busybox:2" }] }), { containers: [attempt("main")] }),
      now,
    );
    expect(plan.because).toBe("Container main definition changed, will be restarted");
  });
  test("not, when it can only wait for its image", () => {
    const failures = new Map([["main", { reason: "ErrImageNeverPull", message: "no image", retryAtMs: now + 5_000 }]]);
    expect(planPod(viewOf(podOf(), { failures }), now)).toEqual({
      actions: [],
      because: "container main: no image",
      wakeAtMs: now + 5_000,
    });
  });
});

test("planPod stops containers whose sandbox is gone, and only then makes a new one", () => {
  const dead = { ...sandbox, running: false };
  expect(planPod(viewOf(podOf(), { sandboxes: [dead], containers: [attempt("main")] }), now).actions).toMatchObject([
    { type: "stopContainer", id: "main-0", graceSeconds: 0 },
  ]);
  expect(planPod(viewOf(podOf(), { sandboxes: [dead], containers: [ended("main", 137)] }), now)).toEqual({
    actions: [{ type: "createSandbox", attempt: 1 }],
    because: "the sandbox does not run",
  });
});

describe("planPod ends a pod that is deleted", () => {
  test("only after the proxies have let go of its endpoint, if anything of it still runs", () => {
    const deleted = { metadata: { name: "p", deletionTimestamp: new Date(now + 30_000).toISOString() } };
    const pod = { ...podOf(), metadata: { ...podOf().metadata, ...deleted.metadata, deletionGracePeriodSeconds: 30 } };
    const view = viewOf(pod, { containers: [attempt("main")] });
    expect(planPod({ ...view, isAddressed: true }, now)).toEqual({
      actions: [],
      because: "the pod is being deleted; the proxies still send it connections",
    });
    expect(planPod(view, now).actions).toMatchObject([{ type: "stopContainer", name: "main" }]);
    expect(planPod({ ...view, isAddressed: true, containers: [] }, now).actions).toMatchObject([
      { type: "stopSandbox" },
    ]);
  });

  const pod = podOf(
    {
      initContainers: [
        { name: "a", restartPolicy: "Always" },
        { name: "b", restartPolicy: "Always" },
      ],
    },
    {
      metadata: {
        name: "web",
        namespace: "default",
        uid: "u",
        deletionTimestamp: new Date(now + 30_000).toISOString(),
        deletionGracePeriodSeconds: 30,
      },
    },
  );
  test("regular containers first, then sidecars from the last to the first, the sandbox, the object", () => {
    const steps: string[] = [];
    let view = viewOf(pod, { containers: [attempt("a"), attempt("b"), attempt("main")] });
    for (let step = 0; step < 6; step++) {
      const { actions } = planPod(view, now);
      for (const action of actions) {
        steps.push("name" in action ? `${action.type} ${action.name}` : action.type);
        if (action.type === "stopContainer")
          view = {
            ...view,
            containers: view.containers.map((one) =>
              one.id === action.id ? { ...one, state: "exited", exitCode: 0, finishedAtMs: now } : one,
            ),
          };
        if (action.type === "stopSandbox") view = { ...view, sandboxes: [] };
      }
      if (steps.at(-1) === "finish") break;
    }
    expect(steps).toEqual(["stopContainer main", "stopContainer b", "stopContainer a", "stopSandbox", "finish"]);
  });
  test("with its whole grace when the clocks of the API and of the node do not agree", () => {
    const containers = [attempt("main")];
    const inAnHour = now + 3_600_000;
    expect(
      [
        planPod(viewOf(pod, { containers, deletionSeenAtMs: inAnHour }), inAnHour + 10_000),
        planPod(viewOf(pod, { containers, deletionSeenAtMs: now - 3_600_000 }), now - 3_600_000),
        // Clocks that agree: an agent that was away goes on with what is left.
        planPod(viewOf(pod, { containers, deletionSeenAtMs: now + 20_000 }), now + 20_000),
      ].map(({ actions }) => actions),
    ).toMatchObject([[{ graceSeconds: 20 }], [{ graceSeconds: 30 }], [{ graceSeconds: 10 }]]);
  });
  test("and does not ask twice, unless a second deletion shortens the grace", () => {
    const containers = [attempt("main")];
    expect(planPod(viewOf(pod, { containers, stopping: new Map([["main-0", now + 30_000]]) }), now).actions).toEqual(
      [],
    );
    const hurried = {
      ...pod,
      metadata: {
        ...pod.metadata,
        deletionTimestamp: new Date(now + 1_000).toISOString(),
        deletionGracePeriodSeconds: 1,
      },
    };
    expect(
      planPod(viewOf(hurried, { containers, stopping: new Map([["main-0", now + 30_000]]) }), now).actions,
    ).toMatchObject([{ type: "stopContainer", graceSeconds: 1 }]);
  });
});

test("planPod keeps the newest two attempts of a container", () => {
  const containers = [0, 1, 2, 3].map((number) =>
    number === 3 ? attempt("main", { attempt: 3 }) : ended("main", 1, { attempt: number }),
  );
  expect(planPod(viewOf(podOf(), { containers }), now).actions).toEqual([
    { type: "removeContainer", name: "main", id: "main-1" },
    { type: "removeContainer", name: "main", id: "main-0" },
  ]);
});

test("planPod ends a pod that has outlived its deadline", () => {
  const pod = podOf({ activeDeadlineSeconds: 10 }, { status: { startTime: new Date(now - 11_000).toISOString() } });
  expect(planPod(viewOf(pod, { containers: [attempt("main")] }), now)).toMatchObject({
    actions: [{ type: "stopContainer", name: "main" }],
    because: "Pod was active on the node longer than the specified deadline",
  });
});

test("planPod comes to rest: performing its actions leads to a plan without any", () => {
  const policies = fc.constantFrom("Always", "OnFailure", "Never");
  const codes = fc.array(fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(policies, codes, fc.boolean(), (restartPolicy, exits, deleted) => {
      const containers = exits.map((_, index) => ({ ...main, name: `c${index}` }));
      const metadata = {
        name: "web",
        namespace: "default",
        uid: "u",
        ...(deleted ? { deletionTimestamp: new Date(now).toISOString(), deletionGracePeriodSeconds: 0 } : {}),
      };
      let view = viewOf(podOf({ containers, restartPolicy: restartPolicy as "Always" }, { metadata }), {
        containers: exits.map((code, index) =>
          code === undefined ? attempt(`c${index}`) : ended(`c${index}`, code, { crashes: 1 }),
        ),
      });
      for (let round = 0; round < 20; round++) {
        const plan = planPod(view, now + 3_600_000);
        const acting = plan.actions.filter((action) => action.type !== "finish");
        if (acting.length === 0) return true;
        for (const action of acting) {
          if (action.type === "startContainer")
            view = { ...view, containers: [...view.containers, attempt(action.name, { attempt: action.attempt })] };
          if (action.type === "removeContainer")
            view = { ...view, containers: view.containers.filter((one) => one.id !== action.id) };
          if (action.type === "stopContainer")
            view = {
              ...view,
              containers: view.containers.map((one) =>
                one.id === action.id ? { ...one, state: "exited", exitCode: 0, finishedAtMs: now } : one,
              ),
            };
          if (action.type === "stopSandbox") view = { ...view, sandboxes: [] };
        }
      }
      return false;
    }),
  );
});

describe("back-off", () => {
  test("doubles from ten seconds to five minutes", () => {
    expect([0, 1, 2, 3, 4, 5, 6, 7, 50].map((crashes) => goSeconds(crashBackoffMs(crashes, defaultBackoff)))).toEqual([
      "0s",
      "10s",
      "20s",
      "40s",
      "1m20s",
      "2m40s",
      "5m0s",
      "5m0s",
      "5m0s",
    ]);
  });
  test("has a pod's own times, never less than a second, and the node's where the pod says nothing sensible", () => {
    const timesOf = (annotations: Record<string, string>) =>
      backoffTimes({ apiVersion: "v1", kind: "Pod", metadata: { name: "p", annotations } }, defaultBackoff);
    expect([
      timesOf({ "coxswain.io/backoff-initial": "1s", "coxswain.io/backoff-max": "1m30s" }),
      timesOf({ "coxswain.io/backoff-initial": "1ms", "coxswain.io/backoff-max": "soon" }),
      timesOf({ "coxswain.io/backoff-initial": "10m" }),
    ]).toEqual([
      { firstMs: 1_000, longestMs: 90_000 },
      { firstMs: 1_000, longestMs: 300_000 },
      { firstMs: 600_000, longestMs: 600_000 },
    ]);
  });
  test("ends when somebody asks for a retry after the end of the attempt, not before it", () => {
    const failed = ended("main", 1, { crashes: 6, startedAtMs: now - 1_000 });
    const until = (retriedAtMs: number) => backoffOf({ backoff: defaultBackoff, retriedAtMs }, failed, now).untilMs;
    expect([until(now - 1), until(now)]).toEqual([now + 300_000, now]);
  });
  test("ends when the clock has been set back: nobody knows how long it has lasted", () => {
    const failed = ended("main", 1, { crashes: 6, startedAtMs: now - 1_000 });
    const hourBefore = now - 3_600_000;
    expect(backoffOf({ backoff: defaultBackoff, retriedAtMs: undefined }, failed, hourBefore)).toEqual({
      untilMs: hourBefore,
      delayMs: 0,
    });
  });
  test("is forgiven after ten minutes of life", () => {
    const long = ended("main", 1, { crashes: 6, startedAtMs: now - 600_000 });
    expect(backoffOf({ backoff: defaultBackoff, retriedAtMs: undefined }, long, now)).toEqual({
      untilMs: now,
      delayMs: 0,
    });
    expect(crashesAfter(long)).toBe(1);
    expect(crashesAfter(ended("main", 1, { crashes: 6 }))).toBe(7);
  });
});
