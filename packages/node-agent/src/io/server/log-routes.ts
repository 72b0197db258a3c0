// A container's log over HTTP: of any attempt that the engine or the node's archive still has, also when the pod is gone.
import { Readable } from "node:stream";
import type { Pod } from "@coxswain/api/core/v1";
import type { Clock } from "@coxswain/clock";
import { isRuntimeError } from "@coxswain/container-runtime";
import type { ContainerRuntime } from "@coxswain/container-runtime";
import type { HttpsServerPorts } from "@coxswain/daemon";
import { allContainersOf } from "../../core/pod/lifecycle.ts";
import { messageOf } from "../../errors.ts";
import { readRetained } from "../logs/retained.ts";
import type { RetainedLogs } from "../logs/retained.ts";
import type { PodSet } from "../pods/pod-set.ts";
import { findAttempt, limited, parseLogQuery } from "./logs.ts";
import type { LogQuery } from "./logs.ts";

type ServerApp = Parameters<NonNullable<HttpsServerPorts["routes"]>>[0];

interface LogParams {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

export function logRoutes(
  app: ServerApp,
  ports: {
    readonly clock: Clock;
    readonly runtime: ContainerRuntime;
    readonly podSet: PodSet;
    readonly retained: RetainedLogs;
  },
): void {
  const { clock, runtime, podSet, retained } = ports;

  app.get("/retainedLogs", async (_request, reply) =>
    reply.send({ items: (await retained.list()).map(({ path: _path, ...one }) => one) }),
  );

  app.get<{ Params: LogParams }>("/containerLogs/:namespace/:pod/:container", async (request, reply) => {
    const { namespace, pod: podName, container } = request.params;
    const answer = (status: number, text: string) => reply.code(status).type("text/plain").send(text);
    const send = (chunks: AsyncIterable<{ readonly bytes: Uint8Array }>, limitBytes: number | undefined) =>
      reply.type("text/plain").send(Readable.from(limited(chunks, limitBytes), { objectMode: false }));
    const parsed = parseLogQuery(new URLSearchParams(request.url.split("?")[1] ?? ""), clock.now());
    if ("error" in parsed) return answer(400, parsed.error);
    const { query } = parsed;
    const pod = podSet.byName(namespace, podName)?.pod();
    if (!pod) {
      const kept = (await retained.find(namespace, podName, container))[query.previous];
      if (kept)
        return send(readRetained(kept.path, { timestamps: query.timestamps, ...onlySet(query) }), query.limitBytes);
      return answer(404, `pod ${JSON.stringify(podName)} does not exist\n`);
    }
    if (!hasContainer(pod, container))
      return answer(404, `container ${JSON.stringify(container)} not found in pod ${JSON.stringify(podName)}\n`);
    const attempt = await findAttempt(runtime, pod.metadata.uid ?? "", container, query.previous);
    if ("missing" in attempt) {
      const kept = (await retained.find(namespace, podName, container)).filter(
        (one) => one.podUid === pod.metadata.uid && !attempt.present.includes(one.attempt),
      )[attempt.missing];
      if (kept)
        return send(readRetained(kept.path, { timestamps: query.timestamps, ...onlySet(query) }), query.limitBytes);
      return answer(400, missingLog(pod, container, query.previous > 0));
    }
    const aborter = new AbortController();
    request.raw.on("close", () => aborter.abort(new Error("the reader has gone")));
    reply.raw.on("close", () => aborter.abort(new Error("the reader has gone")));
    const chunks = runtime.logs(
      attempt.id,
      { follow: query.follow, timestamps: query.timestamps, ...onlySet(query), tty: hasTerminal(pod, container) },
      aborter.signal,
    );
    try {
      return await send(chunks, query.limitBytes);
    } catch (error) {
      if (isRuntimeError(error, "not-found")) return answer(404, messageOf(error));
      throw error;
    }
  });
}

function onlySet(query: LogQuery): { readonly tailLines?: number; readonly sinceMs?: number } {
  return {
    ...(query.tailLines === undefined ? {} : { tailLines: query.tailLines }),
    ...(query.sinceMs === undefined ? {} : { sinceMs: query.sinceMs }),
  };
}

function hasContainer(pod: Pod, name: string): boolean {
  return allContainersOf(pod).some((container) => container.name === name);
}

export function hasTerminal(pod: Pod, name: string): boolean {
  return allContainersOf(pod).find((container) => container.name === name)?.tty ?? false;
}

const waitingFor: Readonly<Record<string, string>> = {
  ErrImagePull: "image can't be pulled",
  ImagePullBackOff: "trying and failing to pull image",
};

/** The kubelet's sentences for a log that is not there. */
function missingLog(pod: Pod, container: string, previous: boolean): string {
  if (previous)
    return `previous terminated container ${JSON.stringify(container)} in pod ${JSON.stringify(pod.metadata.name)} not found`;
  const status = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])].find(
    (candidate) => candidate.name === container,
  );
  const reason = status?.state?.waiting?.reason;
  if (reason)
    return `container ${JSON.stringify(container)} in pod ${JSON.stringify(pod.metadata.name)} is waiting to start: ${waitingFor[reason] ?? reason}`;
  return `container ${JSON.stringify(container)} in pod ${JSON.stringify(pod.metadata.name)} is not available`;
}
