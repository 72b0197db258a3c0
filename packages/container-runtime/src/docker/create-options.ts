// A sandbox or container as Docker's create call wants it. Pure: values in, one request body out.
import type { ContainerCreateOptions, HostConfig } from "dockerode";
import type { ContainerConfig, ContainerResources, Mount, SandboxConfig } from "../runtime.ts";

/** The pause container: it holds the network and IPC namespaces and, for a shared one, reaps processes as PID 1. */
export function sandboxOptions(config: SandboxConfig): ContainerCreateOptions {
  return {
    name: config.name,
    Image: config.image,
    ...(config.network === "host" ? {} : { Hostname: config.hostname }),
    Labels: { ...config.labels },
    HostConfig: {
      NetworkMode: config.network,
      IpcMode: config.hostIpc ? "host" : "shareable",
      ...(config.hostPid ? { PidMode: "host" } : {}),
      ...(config.network === "host" ? { UTSMode: "host" } : {}),
      ...(Object.keys(config.sysctls).length > 0 ? { Sysctls: { ...config.sysctls } } : {}),
      ...(config.cgroupParent === undefined ? {} : { CgroupParent: config.cgroupParent }),
      ...(config.handler === undefined ? {} : { Runtime: config.handler }),
      CpuShares: 2,
      LogConfig: { Type: "none", Config: {} },
      SecurityOpt: ["no-new-privileges"],
    },
  };
}

/** What every container of a sandbox shares with it. */
export interface SandboxTraits {
  readonly hostNetwork: boolean;
  readonly handler: string | undefined;
}

/** Each attempt is a new container, so Docker itself restarts nothing. */
export function containerOptions(
  sandboxId: string,
  config: ContainerConfig,
  sandbox: SandboxTraits,
): ContainerCreateOptions {
  return {
    name: config.name,
    Image: config.image,
    Labels: { ...config.labels },
    ...(config.command.length > 0 ? { Entrypoint: [...config.command] } : {}),
    ...(config.args.length > 0 || config.command.length > 0 ? { Cmd: [...config.args] } : {}),
    ...(config.workingDir === undefined ? {} : { WorkingDir: config.workingDir }),
    Env: [...config.env],
    OpenStdin: config.stdin,
    StdinOnce: config.stdinOnce,
    Tty: config.tty,
    ...(config.security.user === undefined ? {} : { User: config.security.user }),
    ...(config.stopSignal === undefined ? {} : { StopSignal: config.stopSignal }),
    // An image's own health check would run beside the pod's probes.
    Healthcheck: { Test: ["NONE"] },
    HostConfig: hostOptions(sandboxId, config, sandbox),
  };
}

function hostOptions(sandboxId: string, config: ContainerConfig, sandbox: SandboxTraits): HostConfig {
  const { security } = config;
  return {
    NetworkMode: `container:${sandboxId}`,
    IpcMode: config.hostIpc ? "host" : `container:${sandboxId}`,
    ...pidMode(sandboxId, config.pid),
    ...(sandbox.hostNetwork ? { UTSMode: "host" } : {}),
    ...(sandbox.handler ? { Runtime: sandbox.handler } : {}),
    Binds: config.mounts.map(bind),
    Devices: (config.devices ?? []).map((path) => ({
      PathOnHost: path,
      PathInContainer: path,
      CgroupPermissions: "rwm",
    })),
    ...resourceOptions(config.resources),
    ...(config.cgroupParent === undefined ? {} : { CgroupParent: config.cgroupParent }),
    Privileged: security.privileged,
    ...(security.unmaskedProc ? { MaskedPaths: [], ReadonlyPaths: [] } : {}),
    ReadonlyRootfs: security.readOnlyRootFilesystem,
    CapAdd: [...security.addCapabilities],
    CapDrop: [...security.dropCapabilities],
    GroupAdd: security.supplementalGroups.map(String),
    SecurityOpt: [
      ...(security.noNewPrivileges ? ["no-new-privileges"] : []),
      ...(security.seccomp === undefined ? [] : [`seccomp=${security.seccomp}`]),
      ...(security.apparmor === undefined ? [] : [`apparmor=${security.apparmor}`]),
    ],
    LogConfig: {
      Type: "json-file",
      Config: {
        "max-size": String(config.log?.mostBytes ?? 10 << 20),
        "max-file": String(config.log?.mostFiles ?? 5),
      },
    },
    RestartPolicy: { Name: "no" },
  };
}

function pidMode(sandboxId: string, pid: ContainerConfig["pid"]): Pick<HostConfig, "PidMode"> {
  if (pid === "container") return {};
  if (pid === "host") return { PidMode: "host" };
  return { PidMode: `container:${pid === "pod" ? sandboxId : pid.target}` };
}

export function resourceOptions(resources: ContainerResources): HostConfig {
  return {
    ...(resources.cpuShares === undefined ? {} : { CpuShares: resources.cpuShares }),
    ...(resources.cpuQuotaUs === undefined
      ? {}
      : { CpuQuota: resources.cpuQuotaUs, CpuPeriod: resources.cpuPeriodUs ?? 100_000 }),
    // Equal limits for memory and for memory with swap: a pod does not swap.
    ...(resources.memoryBytes === undefined
      ? {}
      : { Memory: resources.memoryBytes, MemorySwap: resources.memoryBytes }),
    ...(resources.pidsLimit === undefined ? {} : { PidsLimit: resources.pidsLimit }),
    ...(resources.oomScoreAdj === undefined ? {} : { OomScoreAdj: resources.oomScoreAdj }),
  };
}

function bind(mount: Mount): string {
  // Private is the engine's own choice, except for paths that hold its data (as "/" does), where it refuses the word and takes another.
  const propagation = { private: "", hostToContainer: ",rslave", bidirectional: ",rshared" }[mount.propagation];
  return `${mount.hostPath}:${mount.containerPath}:${mount.readOnly ? "ro" : "rw"}${propagation}`;
}
