// Docker's descriptions of a container, read into ours. Pure.
import type { ContainerInfo, ContainerInspectInfo } from "dockerode";
import { kindOf } from "../marks.ts";
import type { ContainerInspection, ContainerState, ContainerSummary } from "../runtime.ts";

export function summaryOf(info: ContainerInfo): ContainerSummary | undefined {
  const kind = kindOf(info.Labels);
  if (!kind) return undefined;
  return {
    id: info.Id,
    kind,
    name: (info.Names[0] ?? "").replace(/^\//, ""),
    labels: info.Labels,
    state: stateOf(info.State),
    createdAtMs: info.Created * 1000,
  };
}

export function inspectionOf(info: ContainerInspectInfo): ContainerInspection | undefined {
  const kind = kindOf(info.Config.Labels);
  if (!kind) return undefined;
  const startedAtMs = timeOf(info.State.StartedAt);
  const finishedAtMs = timeOf(info.State.FinishedAt);
  // A container whose start was refused stays "created", with the refusal and a code of 126 to 128.
  const refused = startedAtMs === undefined && info.State.Error !== "";
  const state = refused ? "exited" : stateOf(info.State.Status);
  return {
    id: info.Id,
    kind,
    name: info.Name.replace(/^\//, ""),
    labels: info.Config.Labels,
    state,
    createdAtMs: timeOf(info.Created) ?? 0,
    pid: info.State.Pid,
    ...(startedAtMs === undefined ? {} : { startedAtMs }),
    ...(finishedAtMs === undefined || state !== "exited" ? {} : { finishedAtMs }),
    ...(state === "exited" ? { exitCode: refused ? 128 : info.State.ExitCode } : {}),
    oomKilled: info.State.OOMKilled,
    ...(refused ? { startError: info.State.Error } : {}),
    image: info.Config.Image,
    imageId: info.Image,
    ...(info.HostConfig.NetworkMode === "host" ? { hostNetwork: true } : {}),
    ...writableLayerOf(info),
    resources: {
      cpuShares: info.HostConfig.CpuShares ?? 0,
      ...(info.HostConfig.CpuQuota ? { cpuQuotaUs: info.HostConfig.CpuQuota } : {}),
      ...(info.HostConfig.Memory ? { memoryBytes: info.HostConfig.Memory } : {}),
    },
    ...("LogPath" in info && typeof info.LogPath === "string" && info.LogPath !== "" ? { logPath: info.LogPath } : {}),
  };
}

/** Of overlay file systems only; others do not keep it in one directory. */
function writableLayerOf(info: ContainerInspectInfo): { readonly writableLayer?: string } {
  const data: Readonly<Record<string, unknown>> = { ...info.GraphDriver?.Data };
  return typeof data.UpperDir === "string" ? { writableLayer: data.UpperDir } : {};
}

function stateOf(status: string): ContainerState {
  switch (status) {
    case "created":
      return "created";
    case "running":
    case "paused":
    case "restarting":
      return "running";
    case "exited":
    case "dead":
    case "removing":
      return "exited";
    default:
      return "unknown";
  }
}

/** Docker writes year 1 for "never". */
function timeOf(text: string | undefined): number | undefined {
  if (!text || text.startsWith("0001-")) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}
