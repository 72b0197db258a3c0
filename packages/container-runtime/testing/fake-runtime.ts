// A runtime in memory that keeps the same promises as the real one. What a container's process does is a function of its
// command; time is the given clock's. It has no network, no files and no processes.
import { PassThrough } from "node:stream";
import type { Clock } from "@coxswain/clock";
import { RuntimeError, marks } from "../src/index.ts";
import type {
  ContainerConfig,
  ContainerInspection,
  ContainerResources,
  ContainerRuntime,
  ContainerState,
  ContainerSummary,
  ExecRequest,
  ImageStatus,
  Labels,
  LogChunk,
  RuntimeEvent,
  SandboxConfig,
  StreamSession,
} from "../src/index.ts";

export interface FakeImage {
  readonly reference: string;
  readonly user?: string;
  /** Only a pull brings it here. */
  readonly remote?: boolean;
}

/** What a started container does: it writes, and may end by itself. */
export interface FakeProgram {
  readonly stdout?: string;
  readonly stderr?: string;
  /** Milliseconds after the start; left out, it runs until it is stopped. */
  readonly endsAfterMs?: number;
  readonly exitCode?: number;
  /** Ends only when killed. */
  readonly ignoresTerm?: boolean;
  /** The start is refused with this sentence. */
  readonly refuses?: string;
}

export interface FakeRuntimeOptions {
  readonly cluster?: string;
  readonly images?: readonly FakeImage[];
  /** Every image that is asked for is here. */
  readonly everyImage?: boolean;
  readonly program?: (config: ContainerConfig) => FakeProgram;
  /** What a command run inside a container writes and answers with. */
  readonly exec?: (
    containerId: string,
    request: ExecRequest,
  ) => { readonly stdout?: string; readonly exitCode: number };
}

export interface FakeRuntime extends ContainerRuntime {
  /** Ends a container behind its owner's back. */
  crash(id: string, exitCode: number): void;
  /** Removes a container or sandbox behind its owner's back. */
  vanish(id: string): void;
  /** How many containers were started under a name of the specification. */
  starts(containerName: string): number;
}

interface Kept {
  readonly id: string;
  readonly kind: "sandbox" | "container";
  readonly name: string;
  readonly labels: Labels;
  readonly createdAtMs: number;
  config: ContainerConfig | undefined;
  readonly log: LogChunk[];
  state: ContainerState;
  startedAtMs?: number;
  finishedAtMs?: number;
  exitCode?: number;
  startError?: string;
}

export function createFakeRuntime(ports: { readonly clock: Clock }, options: FakeRuntimeOptions = {}): FakeRuntime {
  const { clock } = ports;
  const program = options.program ?? ((): FakeProgram => ({}));
  const kept = new Map<string, Kept>();
  const here = new Set((options.images ?? []).filter((image) => !image.remote).map((image) => image.reference));
  const listeners = new Set<(event: RuntimeEvent) => void>();
  const waiting = new Set<() => void>();
  const started = new Map<string, number>();
  let serial = 0;

  const tell = (type: Exclude<RuntimeEvent["type"], "connected">, one: Kept): void => {
    for (const listener of listeners) listener({ type, id: one.id, labels: one.labels, timeMs: clock.now() });
    for (const wake of waiting) wake();
    waiting.clear();
  };
  const find = (id: string): Kept => {
    const one = kept.get(id);
    if (!one) throw new RuntimeError("not-found", `No such container: ${id}`);
    return one;
  };
  const end = (one: Kept, exitCode: number): void => {
    if (one.state !== "running") return;
    one.state = "exited";
    one.exitCode = exitCode;
    one.finishedAtMs = clock.now();
    tell("exited", one);
  };
  const drop = (id: string): void => {
    const one = kept.get(id);
    if (!one) return;
    end(one, 137);
    kept.delete(id);
    tell("removed", one);
  };
  const members = (sandboxId: string): readonly Kept[] =>
    [...kept.values()].filter((one) => one.labels[marks.sandboxId] === sandboxId);
  const imageOf = (reference: string): FakeImage | undefined =>
    options.images?.find((image) => image.reference === reference);
  const add = (kind: Kept["kind"], name: string, labels: Labels, config: ContainerConfig | undefined): Kept => {
    const clash = [...kept.values()].find((one) => one.name === name);
    if (clash)
      throw new RuntimeError("conflict", `The container name "/${name}" is already in use by container "${clash.id}".`);
    const id = (++serial).toString(16).padStart(64, "0");
    const marked = { ...labels, [marks.cluster]: options.cluster ?? "fake", [marks.kind]: kind };
    const one: Kept = { id, kind, name, labels: marked, createdAtMs: clock.now(), config, log: [], state: "created" };
    kept.set(id, one);
    tell("created", one);
    return one;
  };
  const summary = (one: Kept): ContainerSummary => ({
    id: one.id,
    kind: one.kind,
    name: one.name,
    labels: one.labels,
    state: one.state,
    createdAtMs: one.createdAtMs,
  });
  const requireImage = (reference: string): void => {
    if (options.everyImage) here.add(reference);
    if (!here.has(reference)) throw new RuntimeError("image-not-found", `No such image: ${reference}`);
  };

  return {
    version: async () => ({
      name: "fake",
      version: "1",
      cgroupVersion: 2,
      cgroupDriver: "cgroupfs",
      kernelVersion: "0",
      operatingSystem: "none",
      rootDirectory: "/",
    }),
    ready: async () => undefined,
    async runPodSandbox(config: SandboxConfig) {
      requireImage(config.image);
      const one = add("sandbox", config.name, config.labels, undefined);
      one.state = "running";
      one.startedAtMs = clock.now();
      tell("started", one);
      return one.id;
    },
    async stopPodSandbox(id) {
      if (!kept.has(id)) return;
      for (const one of members(id)) end(one, 137);
      end(find(id), 0);
    },
    async removePodSandbox(id) {
      for (const one of members(id)) drop(one.id);
      drop(id);
    },
    async createContainer(sandboxId, config) {
      find(sandboxId);
      requireImage(config.image);
      return add("container", config.name, { ...config.labels, [marks.sandboxId]: sandboxId }, config).id;
    },
    async startContainer(id) {
      const one = find(id);
      const behaviour: FakeProgram = one.config ? program(one.config) : {};
      if (behaviour.refuses !== undefined) {
        one.state = "exited";
        one.exitCode = 128;
        one.startError = behaviour.refuses;
        throw new RuntimeError("start-failed", behaviour.refuses);
      }
      const name = one.labels[marks.containerName] ?? "";
      started.set(name, (started.get(name) ?? 0) + 1);
      one.state = "running";
      one.startedAtMs = clock.now();
      if (behaviour.stdout) one.log.push({ stream: "stdout", bytes: new TextEncoder().encode(behaviour.stdout) });
      if (behaviour.stderr) one.log.push({ stream: "stderr", bytes: new TextEncoder().encode(behaviour.stderr) });
      tell("started", one);
      if (behaviour.endsAfterMs !== undefined)
        clock.setTimeout(() => end(one, behaviour.exitCode ?? 0), behaviour.endsAfterMs);
    },
    async stopContainer(id, graceSeconds, signal) {
      const one = kept.get(id);
      if (one?.state !== "running") return;
      const stubborn = one.config ? program(one.config).ignoresTerm === true : false;
      if (stubborn && graceSeconds > 0) await clock.sleep(graceSeconds * 1000, signal);
      end(one, stubborn ? 137 : 143);
    },
    async removeContainer(id) {
      drop(id);
    },
    async updateContainer(id, resources) {
      const one = find(id);
      if (one.config) one.config = { ...one.config, resources: { ...one.config.resources, ...resources } };
    },
    list: async (filter) =>
      [...kept.values()]
        .filter((one) => filter?.podUid === undefined || one.labels[marks.podUid] === filter.podUid)
        .map(summary),
    async inspect(id) {
      const one = kept.get(id);
      if (!one) return undefined;
      const inspection: ContainerInspection = {
        ...summary(one),
        pid: one.state === "running" ? 1000 + Number.parseInt(one.id.slice(-8), 16) : 0,
        ...(one.startedAtMs === undefined ? {} : { startedAtMs: one.startedAtMs }),
        ...(one.finishedAtMs === undefined ? {} : { finishedAtMs: one.finishedAtMs }),
        ...(one.exitCode === undefined ? {} : { exitCode: one.exitCode }),
        ...(one.startError === undefined ? {} : { startError: one.startError }),
        oomKilled: false,
        image: one.config?.image ?? "",
        imageId: `sha256:${one.config?.image ?? ""}`,
        resources: settingsOf(one.config?.resources),
      };
      return inspection;
    },
    async exec(id, request) {
      if (find(id).state !== "running") throw new RuntimeError("conflict", `Container ${id} is not running`);
      const answer = options.exec?.(id, request) ?? { exitCode: 0 };
      return session(request.stdin, request.tty, answer.stdout ?? "", Promise.resolve(answer.exitCode));
    },
    async attach(id, request) {
      find(id);
      return session(request.stdin, request.tty, "", Promise.resolve(0));
    },
    async *logs(id, request, signal) {
      const one = find(id);
      const from = request.tailLines === undefined ? 0 : Math.max(0, one.log.length - request.tailLines);
      for (let next = from; ; next++) {
        while (next >= one.log.length) {
          if (!request.follow || one.state !== "running" || !kept.has(id) || signal?.aborted) return;
          await new Promise<void>((resolve) => {
            waiting.add(resolve);
            signal?.addEventListener("abort", () => resolve(), { once: true });
          });
        }
        const chunk = one.log[next];
        if (chunk) yield chunk;
      }
    },
    stats: async (id) =>
      kept.get(id)?.state === "running"
        ? {
            readAtMs: clock.now(),
            cpuNanoseconds: 0,
            memoryUsageBytes: 1 << 20,
            memoryWorkingSetBytes: 1 << 20,
            memoryLimitBytes: 1 << 30,
            pids: 1,
            networkReceivedBytes: 0,
            networkSentBytes: 0,
          }
        : undefined,
    async pullImage(reference) {
      if (!imageOf(reference) && !options.everyImage)
        throw new RuntimeError(
          "pull-failed",
          `pull access denied for ${reference}, repository does not exist or may require 'docker login'`,
        );
      here.add(reference);
      return `sha256:${reference}`;
    },
    imageStatus: async (reference) =>
      here.has(reference) || options.everyImage ? statusOf(reference, imageOf(reference)?.user ?? "") : undefined,
    listImages: async () => [...here].map((reference) => statusOf(reference, "")),
    async removeImage(reference) {
      here.delete(reference);
    },
    async *events(signal) {
      const queue: RuntimeEvent[] = [{ type: "connected" }];
      let wake = Promise.withResolvers<void>();
      const listener = (event: RuntimeEvent): void => {
        queue.push(event);
        wake.resolve();
      };
      listeners.add(listener);
      signal.addEventListener("abort", () => wake.resolve(), { once: true });
      try {
        while (!signal.aborted) {
          for (let event = queue.shift(); event; event = queue.shift()) yield event;
          await wake.promise;
          wake = Promise.withResolvers();
        }
      } finally {
        listeners.delete(listener);
      }
    },
    crash: (id, exitCode) => end(find(id), exitCode),
    vanish: drop,
    starts: (name) => started.get(name) ?? 0,
  };
}

function settingsOf(resources: ContainerResources | undefined): NonNullable<ContainerInspection["resources"]> {
  const { cpuShares = 0, cpuQuotaUs, memoryBytes } = resources ?? {};
  return {
    cpuShares,
    ...(cpuQuotaUs === undefined ? {} : { cpuQuotaUs }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
  };
}

function statusOf(reference: string, user: string): ImageStatus {
  return { id: `sha256:${reference}`, tags: [reference], digests: [], sizeBytes: 1000, user };
}

function session(stdin: boolean, tty: boolean, output: string, exitCode: Promise<number>): StreamSession {
  const stdout = new PassThrough();
  const stderr = tty ? undefined : new PassThrough();
  stderr?.end();
  stdout.write(output);
  const input = stdin ? new PassThrough() : undefined;
  if (input) input.pipe(stdout);
  else stdout.end();
  return { stdin: input, stdout, stderr, resize: async () => undefined, exitCode, close: () => stdout.destroy() };
}
