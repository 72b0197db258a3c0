// What every runtime promises, as tests. Run it against the fake and against a real engine alike. The subject's image
// must have `sh`, `sleep` and `cat` (or, for the fake, programs that act so).
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { marks } from "../src/index.ts";
import type { ContainerConfig, ContainerRuntime, RuntimeEvent, SandboxConfig } from "../src/index.ts";

export interface RuntimeSuiteSubject {
  readonly runtime: ContainerRuntime;
  readonly sandboxImage: string;
  readonly image: string;
}

const podUid = "11111111-2222-3333-4444-555555555555";
/** What the suite's containers do, by argument; a fake is given programs of the same names. */
export const suiteCommands = {
  forever: ["sh", "-c", "trap 'exit 143' TERM; echo out; echo err >&2; while :; do sleep 0.05; done"],
  ends: ["sh", "-c", "echo done; exit 3"],
  stubborn: ["sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"],
  missing: ["/no/such/program"],
} as const;

export function sandboxRequest(change: Partial<SandboxConfig> = {}): SandboxConfig {
  return {
    name: "k8s_POD_suite",
    image: "pause",
    hostname: "suite",
    labels: { [marks.podUid]: podUid, [marks.podName]: "suite", [marks.podNamespace]: "default" },
    network: "none",
    hostPid: false,
    hostIpc: false,
    sysctls: {},
    ...change,
  };
}

export function containerRequest(change: Partial<ContainerConfig> = {}): ContainerConfig {
  return {
    name: "k8s_main_suite",
    image: "busybox",
    labels: { [marks.podUid]: podUid, [marks.containerName]: "main" },
    command: [...suiteCommands.forever],
    args: [],
    env: ["GREETING=hello"],
    mounts: [],
    stdin: false,
    stdinOnce: false,
    tty: false,
    pid: "container",
    hostIpc: false,
    resources: {},
    security: {
      privileged: false,
      supplementalGroups: [],
      addCapabilities: [],
      dropCapabilities: [],
      readOnlyRootFilesystem: false,
      noNewPrivileges: false,
    },
    ...change,
  };
}

export function runtimeSuite(
  name: string,
  open: () => Promise<RuntimeSuiteSubject>,
  close: (subject: RuntimeSuiteSubject) => Promise<void> = async () => undefined,
): void {
  describe(`${name} keeps the runtime's promises`, () => {
    let subject: RuntimeSuiteSubject;
    let sandboxId: string;
    const runtime = (): ContainerRuntime => subject.runtime;
    const create = (change: Partial<ContainerConfig>): Promise<string> =>
      runtime().createContainer(sandboxId, containerRequest({ image: subject.image, ...change }));

    beforeAll(async () => {
      subject = await open();
      sandboxId = await runtime().runPodSandbox(sandboxRequest({ image: subject.sandboxImage }));
    });
    afterAll(async () => {
      await runtime().removePodSandbox(sandboxId);
      expect(await runtime().list({ podUid })).toEqual([]);
      await close(subject);
    });

    test("a sandbox runs and is known by its labels", async () => {
      const found = await runtime().list({ podUid });
      expect(found.map(({ id, kind, state }) => ({ id, kind, state }))).toEqual([
        { id: sandboxId, kind: "sandbox", state: "running" },
      ]);
    });

    test("it says that it takes orders", async () => {
      await expect(runtime().ready()).resolves.toBeUndefined();
    });

    test("a taken name is a conflict", async () => {
      await expect(runtime().runPodSandbox(sandboxRequest({ image: subject.sandboxImage }))).rejects.toMatchObject({
        code: "conflict",
      });
    });

    test("a container runs, logs, answers an exec, and ends when it is asked to", async () => {
      const id = await create({ name: "k8s_life_suite" });
      expect((await runtime().inspect(id))?.state).toBe("created");
      await runtime().startContainer(id);
      const running = await runtime().inspect(id);
      expect(running).toMatchObject({ kind: "container", state: "running", oomKilled: false });
      expect(running?.labels[marks.sandboxId]).toBe(sandboxId);

      await expect.poll(() => logText(runtime(), id)).toEqual({ stdout: "out\n", stderr: "err\n" });
      const session = await runtime().exec(id, { command: ["cat"], stdin: true, tty: false });
      session.stdin?.end("through");
      expect(await textOf(session.stdout)).toBe("through");
      expect(await session.exitCode).toBe(0);

      await runtime().stopContainer(id, 5);
      expect(await runtime().inspect(id)).toMatchObject({ state: "exited", exitCode: 143 });
      await runtime().stopContainer(id, 5);
      await runtime().removeContainer(id);
      await runtime().removeContainer(id);
      expect(await runtime().inspect(id)).toBeUndefined();
    });

    test("a container that ends by itself keeps its code and its log", async () => {
      const id = await create({ name: "k8s_ends_suite", command: [...suiteCommands.ends] });
      await runtime().startContainer(id);
      await expect.poll(async () => (await runtime().inspect(id))?.state).toBe("exited");
      expect(await runtime().inspect(id)).toMatchObject({ exitCode: 3 });
      expect(await logText(runtime(), id)).toEqual({ stdout: "done\n", stderr: "" });
      await runtime().removeContainer(id);
    });

    test("limits of a running container can be changed, and are told as they are", async () => {
      const id = await create({ name: "k8s_resize_suite", resources: { cpuShares: 100, memoryBytes: 64 * 2 ** 20 } });
      await runtime().startContainer(id);
      expect((await runtime().inspect(id))?.resources).toEqual({ cpuShares: 100, memoryBytes: 64 * 2 ** 20 });
      const more = { cpuShares: 200, cpuQuotaUs: 50_000, cpuPeriodUs: 100_000, memoryBytes: 128 * 2 ** 20 };
      await runtime().updateContainer(id, more);
      expect((await runtime().inspect(id))?.resources).toEqual({
        cpuShares: 200,
        cpuQuotaUs: 50_000,
        memoryBytes: 128 * 2 ** 20,
      });
      expect((await runtime().inspect(id))?.state).toBe("running");
      await runtime().removeContainer(id);
    });

    test("a container that ignores SIGTERM is killed after its grace", async () => {
      const id = await create({ name: "k8s_stubborn_suite", command: [...suiteCommands.stubborn] });
      await runtime().startContainer(id);
      await runtime().stopContainer(id, 1);
      expect(await runtime().inspect(id)).toMatchObject({ state: "exited", exitCode: 137 });
      await runtime().removeContainer(id);
    });

    test("a program that does not exist is a refused start that stays visible", async () => {
      const id = await create({ name: "k8s_missing_suite", command: [...suiteCommands.missing] });
      await expect(runtime().startContainer(id)).rejects.toMatchObject({ code: "start-failed" });
      const refused = await runtime().inspect(id);
      expect(refused).toMatchObject({ state: "exited", exitCode: 128 });
      expect(refused?.startError).toContain("/no/such/program");
      expect(refused?.startedAtMs).toBeUndefined();
      await runtime().removeContainer(id);
    });

    test("an image that is not here is told apart from every other refusal", async () => {
      expect(await runtime().imageStatus("coxswain/nothing:1")).toBeUndefined();
      await expect(create({ name: "k8s_noimage_suite", image: "coxswain/nothing:1" })).rejects.toMatchObject({
        code: "image-not-found",
      });
    });

    test("a container that does not exist is not-found, and stopping or removing it is harmless", async () => {
      const nobody = "f".repeat(64);
      expect(await runtime().inspect(nobody)).toBeUndefined();
      await expect(runtime().startContainer(nobody)).rejects.toMatchObject({ name: "RuntimeError" });
      await runtime().stopContainer(nobody, 0);
      await runtime().removeContainer(nobody);
      await runtime().stopPodSandbox(nobody);
      await runtime().removePodSandbox(nobody);
    });

    test("events begin with connected and tell of a life in order", async () => {
      const aborter = new AbortController();
      const seen: RuntimeEvent["type"][] = [];
      let id = "";
      for await (const event of runtime().events(aborter.signal)) {
        if (event.type === "connected") {
          seen.push(event.type);
          id = await create({ name: "k8s_events_suite", command: [...suiteCommands.ends] });
          await runtime().startContainer(id);
        } else if (event.id === id) {
          seen.push(event.type);
          if (event.type === "exited") await runtime().removeContainer(id);
          if (event.type === "removed") aborter.abort();
        }
      }
      expect(seen).toEqual(["connected", "created", "started", "exited", "removed"]);
    });

    test("stopping a sandbox ends its containers", async () => {
      const name = "k8s_POD_other";
      const other = await runtime().runPodSandbox(sandboxRequest({ name, image: subject.sandboxImage }));
      const id = await runtime().createContainer(
        other,
        containerRequest({ name: "k8s_inside_other", image: subject.image }),
      );
      await runtime().startContainer(id);
      await runtime().stopPodSandbox(other);
      expect((await runtime().inspect(id))?.state).toBe("exited");
      expect((await runtime().inspect(other))?.state).toBe("exited");
      await runtime().removePodSandbox(other);
      expect(await runtime().inspect(id)).toBeUndefined();
    });
  });
}

async function logText(runtime: ContainerRuntime, id: string): Promise<{ stdout: string; stderr: string }> {
  const text = { stdout: "", stderr: "" };
  for await (const { stream, bytes } of runtime.logs(id, { follow: false, timestamps: false, tty: false }))
    text[stream] += Buffer.from(bytes).toString();
  return text;
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  let text = "";
  for await (const bytes of stream) text += bytes.toString();
  return text;
}
