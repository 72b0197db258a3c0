// Reads what the runtime has of one pod. Ended containers do not change, so each is inspected once.
import { open } from "node:fs/promises";
import { join } from "node:path";
import { marks } from "@coxswain/container-runtime";
import type { ContainerInspection, ContainerRuntime } from "@coxswain/container-runtime";
import { agentMarks } from "../../core/container/config.ts";
import type { ContainerView, SandboxView } from "../../core/pod/view.ts";

export interface PodObservation {
  readonly sandboxes: readonly (SandboxView & { readonly podIP: string | undefined })[];
  readonly containers: readonly ContainerView[];
}

export interface PodObserver {
  observe(signal?: AbortSignal): Promise<PodObservation>;
}

/** The kubelet shows this much of a termination message. */
const mostMessageBytes = 4096;
const mostLogMessage = 2048;

export function createPodObserver(
  podUid: string,
  ports: {
    readonly runtime: ContainerRuntime;
    readonly isAttached: (sandboxId: string) => Promise<boolean>;
    readonly addressOf: (sandboxId: string) => string | undefined;
    readonly podDirectory: () => Promise<string>;
    /** The end of a container's log, for those that fall back to it. */
    readonly fallBackToLogs: (containerName: string) => boolean;
  },
): PodObserver {
  const ended = new Map<string, ContainerView>();

  const sandboxView = async (inspection: ContainerInspection): Promise<PodObservation["sandboxes"][number]> => {
    const running =
      inspection.state === "running" && (inspection.hostNetwork || (await ports.isAttached(inspection.id)));
    const podIP = inspection.labels[agentMarks.podIP] ?? ports.addressOf(inspection.id);
    return {
      id: inspection.id,
      attempt: numberOf(inspection.labels[agentMarks.attempt]),
      running,
      createdAtMs: inspection.createdAtMs,
      podIP,
    };
  };

  const containerView = async (inspection: ContainerInspection): Promise<ContainerView> => {
    const name = inspection.labels[marks.containerName] ?? "";
    const attempt = numberOf(inspection.labels[agentMarks.attempt]);
    const state = inspection.state === "unknown" ? "exited" : inspection.state;
    const message = state === "exited" ? await terminationMessage(inspection, name, attempt) : "";
    const view: ContainerView = {
      id: inspection.id,
      name,
      sandboxId: inspection.labels[marks.sandboxId] ?? "",
      attempt,
      crashes: numberOf(inspection.labels[agentMarks.crashes]),
      specHash: inspection.labels[agentMarks.specHash] ?? "",
      state,
      createdAtMs: inspection.createdAtMs,
      startedAtMs: inspection.startedAtMs,
      finishedAtMs: inspection.finishedAtMs,
      exitCode: inspection.exitCode,
      oomKilled: inspection.oomKilled,
      startError: inspection.startError,
      image: inspection.image,
      imageId: inspection.imageId,
      terminationMessage: message,
      resources: inspection.resources,
    };
    if (state === "exited") ended.set(view.id, view);
    return view;
  };

  const terminationMessage = async (
    inspection: ContainerInspection,
    name: string,
    attempt: number,
  ): Promise<string> => {
    const path = terminationMessagePath(await ports.podDirectory(), name, attempt);
    const text = await endOfFile(path, mostMessageBytes).catch(() => "");
    if (text !== "" || inspection.exitCode === 0 || !ports.fallBackToLogs(name)) return text;
    let log = "";
    for await (const chunk of ports.runtime.logs(inspection.id, {
      follow: false,
      timestamps: false,
      tailLines: 80,
      tty: false,
    }))
      log = (log + Buffer.from(chunk.bytes).toString()).slice(-mostLogMessage);
    return log;
  };

  return {
    async observe(signal) {
      const present = await ports.runtime.list({ podUid }, signal);
      for (const id of ended.keys()) if (!present.some((summary) => summary.id === id)) ended.delete(id);
      const containers: ContainerView[] = [];
      const sandboxes: PodObservation["sandboxes"][number][] = [];
      await Promise.all(
        present.map(async (summary) => {
          const known = ended.get(summary.id);
          const inspection = known ? undefined : await ports.runtime.inspect(summary.id, signal);
          if (known) containers.push(known);
          else if (inspection?.kind === "sandbox") sandboxes.push(await sandboxView(inspection));
          else if (inspection) containers.push(await containerView(inspection));
        }),
      );
      return { sandboxes, containers };
    },
  };
}

/** A container may have written as much as the disk takes. */
async function endOfFile(path: string, mostBytes: number): Promise<string> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(size, mostBytes)), {
      position: Math.max(0, size - mostBytes),
    });
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}

export function terminationMessagePath(podDirectory: string, container: string, attempt: number): string {
  return join(podDirectory, "containers", container, `termination-${attempt}`);
}

function numberOf(text: string | undefined): number {
  const value = Number(text ?? 0);
  return Number.isSafeInteger(value) ? value : 0;
}
