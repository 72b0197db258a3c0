// A container of a pod as the runtime is asked for it. Pure: the environment, mounts and image are already resolved.
import type { AppArmorProfile, Container, Pod } from "@coxswain/api/core/v1";
import { containerName, marks } from "@coxswain/container-runtime";
import type {
  ContainerConfig,
  ContainerLog,
  ContainerSecurity,
  Mount,
  SandboxConfig,
} from "@coxswain/container-runtime";
import { fencingMarks, isFenced } from "../fencing.ts";
import { specHash } from "../pod/lifecycle.ts";
import { expand } from "./expand.ts";
import { containerResources } from "./resources.ts";

/** Our own labels beside Kubernetes': what the plan must know of a container after a restart of the agent. */
export const agentMarks = {
  attempt: "coxswain.io/attempt",
  crashes: "coxswain.io/crashes",
  specHash: "coxswain.io/spec-hash",
  podIP: "coxswain.io/pod-ip",
} as const;

export interface ResolvedContainer {
  readonly pod: Pod;
  readonly container: Container;
  readonly attempt: number;
  readonly crashes: number;
  readonly image: string;
  readonly imageUser: string;
  readonly variables: ReadonlyMap<string, string>;
  readonly mounts: readonly Mount[];
  readonly nodeMemoryBytes: number;
  /** The machine lets us protect processes from being killed for memory. */
  readonly mayProtect?: boolean | undefined;
  readonly targetContainerId?: string | undefined;
  readonly log: ContainerLog;
  /** Where profiles of type Localhost are. */
  readonly seccompDirectory: string;
  /** The pod's cgroup; the runtime's own place when left out. */
  readonly cgroupParent: string | undefined;
}

export interface SandboxFacts {
  readonly attempt: number;
  readonly image: string;
  readonly podIP: string | undefined;
  readonly clusterDomain: string;
  /** What the pod's runtime class names; the runtime's own choice when left out. */
  readonly handler: string | undefined;
  readonly cgroupParent: string | undefined;
}

export function sandboxConfig(pod: Pod, facts: SandboxFacts): SandboxConfig {
  const { attempt, image, podIP, handler, cgroupParent } = facts;
  const { spec } = pod;
  const labels = {
    ...podLabels(pod),
    [agentMarks.attempt]: String(attempt),
    ...(podIP === undefined ? {} : { [agentMarks.podIP]: podIP }),
  };
  return {
    name: nameOf(pod, "POD", attempt),
    image,
    hostname: ownHostname(pod, facts.clusterDomain),
    ...(handler ? { handler } : {}),
    ...(cgroupParent === undefined ? {} : { cgroupParent }),
    labels,
    network: spec?.hostNetwork ? "host" : "none",
    hostPid: spec?.hostPID ?? false,
    hostIpc: spec?.hostIPC ?? false,
    sysctls: Object.fromEntries((spec?.securityContext?.sysctls ?? []).map((sysctl) => [sysctl.name, sysctl.value])),
  };
}

export function containerConfig(resolved: ResolvedContainer): ContainerConfig {
  const { pod, container, attempt, crashes, variables, cgroupParent } = resolved;
  const { spec } = pod;
  return {
    name: nameOf(pod, container.name, attempt),
    image: resolved.image,
    ...(cgroupParent === undefined ? {} : { cgroupParent }),
    labels: {
      ...podLabels(pod),
      [marks.containerName]: container.name,
      [agentMarks.attempt]: String(attempt),
      [agentMarks.crashes]: String(crashes),
      [agentMarks.specHash]: specHash(container),
      ...(isFenced(pod) ? { [fencingMarks.pod]: "true" } : {}),
    },
    command: (container.command ?? []).map((word) => expand(word, variables)),
    args: (container.args ?? []).map((word) => expand(word, variables)),
    ...(container.workingDir ? { workingDir: container.workingDir } : {}),
    env: [...variables].map(([name, value]) => `${name}=${value}`),
    mounts: resolved.mounts,
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    pid:
      resolved.targetContainerId !== undefined
        ? { target: resolved.targetContainerId }
        : spec?.shareProcessNamespace
          ? "pod"
          : spec?.hostPID
            ? "host"
            : "container",
    hostIpc: spec?.hostIPC ?? false,
    ...(container.lifecycle?.stopSignal ? { stopSignal: container.lifecycle.stopSignal } : {}),
    log: resolved.log,
    resources: containerResources(pod, container, resolved.nodeMemoryBytes, resolved.mayProtect),
    security: security(pod, container, resolved.seccompDirectory),
  };
}

/** `runAsNonRoot` with an image or a setting that says root: the sentence of the refusal. */
export function rootRefusal(pod: Pod, container: Container, imageUser: string): string | undefined {
  const own = container.securityContext;
  const shared = pod.spec?.securityContext;
  if ((own?.runAsNonRoot ?? shared?.runAsNonRoot) !== true) return undefined;
  const where = `pod: "${pod.metadata?.name ?? ""}_${pod.metadata?.namespace ?? ""}(${pod.metadata?.uid ?? ""})", container: ${container.name}`;
  const uid = own?.runAsUser ?? shared?.runAsUser;
  if (uid === 0) return `container's runAsUser breaks non-root policy (${where})`;
  if (uid !== undefined) return undefined;
  const name = imageUser.split(":")[0] ?? "";
  if (name === "" || name === "0" || name === "root")
    return `container has runAsNonRoot and image will run as root (${where})`;
  if (!/^\d+$/.test(name))
    return `container has runAsNonRoot and image has non-numeric user (${name}), cannot verify user is non-root (${where})`;
  return undefined;
}

/** What it asks for and would silently lack: the sentence of the refusal. */
export function missingOf({ volumeMounts = [], volumeDevices = [] }: Container): string | undefined {
  const strict = volumeMounts.find(({ recursiveReadOnly }) => recursiveReadOnly === "Enabled");
  if (strict)
    return `volume ${JSON.stringify(strict.name)} requested recursive read-only mode, but it is not supported by the runtime`;
  const [device] = volumeDevices;
  return device && `volume ${JSON.stringify(device.name)} cannot be a block device on this node`;
}

export function hostnameOf(pod: Pod): string {
  if (pod.spec?.hostnameOverride) return pod.spec.hostnameOverride;
  return (pod.spec?.hostname || (pod.metadata?.name ?? "")).slice(0, 63).replace(/[-.]+$/, "");
}

/** Its short name, or the full one where it wants that: the kernel takes 64 bytes. */
function ownHostname(pod: Pod, clusterDomain: string): string {
  const full = pod.spec?.setHostnameAsFQDN ? fqdnOf(pod, clusterDomain) : undefined;
  return full ?? hostnameOf(pod);
}

/** With a subdomain the pod has a full name of its own, unless its name is overridden. */
export function fqdnOf(pod: Pod, clusterDomain: string): string | undefined {
  const subdomain = pod.spec?.hostnameOverride ? undefined : pod.spec?.subdomain;
  return subdomain
    ? `${hostnameOf(pod)}.${subdomain}.${pod.metadata?.namespace ?? ""}.svc.${clusterDomain}`
    : undefined;
}

function podLabels(pod: Pod): Record<string, string> {
  return {
    [marks.podUid]: pod.metadata?.uid ?? "",
    [marks.podName]: pod.metadata?.name ?? "",
    [marks.podNamespace]: pod.metadata?.namespace ?? "",
  };
}

function nameOf(pod: Pod, container: string, attempt: number): string {
  const { name, namespace = "", uid = "" } = pod.metadata;
  return containerName({ container, pod: name, namespace, uid, attempt });
}

function security(pod: Pod, container: Container, seccompDirectory: string): ContainerSecurity {
  const own = container.securityContext;
  const shared = pod.spec?.securityContext;
  const user = own?.runAsUser ?? shared?.runAsUser;
  const group = own?.runAsGroup ?? shared?.runAsGroup;
  const seccomp = own?.seccompProfile ?? shared?.seccompProfile;
  const groups = [...(shared?.supplementalGroups ?? []), ...(shared?.fsGroup === undefined ? [] : [shared.fsGroup])];
  return {
    privileged: own?.privileged ?? false,
    ...(user === undefined && group === undefined
      ? {}
      : { user: group === undefined ? String(user) : `${user ?? 0}:${group}` }),
    supplementalGroups: groups,
    addCapabilities: own?.capabilities?.add ?? [],
    dropCapabilities: own?.capabilities?.drop ?? [],
    readOnlyRootFilesystem: own?.readOnlyRootFilesystem ?? false,
    noNewPrivileges: own?.allowPrivilegeEscalation === false,
    // Without a profile Kubernetes confines nothing; "RuntimeDefault" is the runtime's own.
    ...(seccomp === undefined || seccomp.type === "Unconfined" ? { seccomp: "unconfined" } : {}),
    ...(seccomp?.type === "Localhost" ? { seccomp: `${seccompDirectory}/${seccomp.localhostProfile ?? ""}` } : {}),
    ...appArmorOf(own?.appArmorProfile ?? shared?.appArmorProfile),
    unmaskedProc: own?.procMount === "Unmasked",
  };
}

function appArmorOf(profile: AppArmorProfile | undefined): { readonly apparmor?: string } {
  if (profile?.type === "Unconfined") return { apparmor: "unconfined" };
  return profile?.type === "Localhost" && profile.localhostProfile ? { apparmor: profile.localhostProfile } : {};
}
