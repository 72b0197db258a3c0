// What a pod asks of the machine itself that not every machine has or allows: kernel settings, AppArmor, strict groups, user namespaces.
// The kubelet's reasons and words. Pure.
import type { Pod } from "@coxswain/api/core/v1";
import type { Rejection } from "./admit.ts";

export interface HostFeatures {
  readonly appArmor: boolean;
  /** Names, or beginnings of names that end with `*`, which the node allows besides the harmless ones. */
  readonly unsafeSysctls: readonly string[];
}

/** They concern nobody but the pod. */
const safeSysctls: readonly string[] = [
  "kernel.shm_rmid_forced",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.ip_local_reserved_ports",
  "net.ipv4.ip_unprivileged_port_start",
  "net.ipv4.ping_group_range",
  "net.ipv4.tcp_fin_timeout",
  "net.ipv4.tcp_keepalive_intvl",
  "net.ipv4.tcp_keepalive_probes",
  "net.ipv4.tcp_keepalive_time",
  "net.ipv4.tcp_rmem",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.tcp_wmem",
];
/** Settings that a namespace of the pod holds; others are the whole machine's and cannot be a pod's at all. */
const namespaced = /^(net\.|kernel\.(shm|msg|sem)|fs\.mqueue\.)/;
export const isNamespacedSysctl = (name: string): boolean => namespaced.test(name);

/** Undefined: the machine has what the pod asks for. */
export function missingFeature(pod: Pod, host: HostFeatures): Rejection | undefined {
  const { securityContext, hostNetwork = false, hostIPC = false } = pod.spec ?? {};
  for (const { name } of securityContext?.sysctls ?? []) {
    const forbidden = forbiddenSysctl(name.replaceAll("/", "."), { hostNetwork, hostIPC }, host.unsafeSysctls);
    if (forbidden !== undefined) return { reason: "SysctlForbidden", message: `forbidden sysctl: ${forbidden}` };
  }
  if (!host.appArmor && wantsAppArmor(pod))
    return { reason: "AppArmor", message: "Cannot enforce AppArmor: AppArmor is not enabled on the host" };
  if (securityContext?.supplementalGroupsPolicy === "Strict")
    return {
      reason: "SupplementalGroupsPolicyNotSupported",
      message: "SupplementalGroupsPolicy=Strict is not supported in this node",
    };
  if (pod.spec?.hostUsers === false)
    return { reason: "UserNamespacesNotSupported", message: "the container runtime does not support user namespaces" };
  return undefined;
}

function forbiddenSysctl(
  name: string,
  shared: { readonly hostNetwork: boolean; readonly hostIPC: boolean },
  allowed: readonly string[],
): string | undefined {
  const isAllowed = [...safeSysctls, ...allowed].some((one) =>
    one.endsWith("*") ? name.startsWith(one.slice(0, -1)) : name === one,
  );
  if (!isAllowed) return `${JSON.stringify(name)} not allowlisted`;
  const isNetwork = name.startsWith("net.");
  if (isNetwork ? shared.hostNetwork : shared.hostIPC)
    return `${JSON.stringify(name)} not allowed with host ${isNetwork ? "net" : "ipc"} enabled`;
  return undefined;
}

/** By the field, or by the annotation of before. */
function wantsAppArmor(pod: Pod): boolean {
  const { securityContext, containers = [], initContainers = [] } = pod.spec ?? {};
  const profiles = [
    securityContext?.appArmorProfile?.type,
    ...[...initContainers, ...containers].map((container) => container.securityContext?.appArmorProfile?.type),
  ];
  const annotated = Object.entries(pod.metadata.annotations ?? {}).some(
    ([key, value]) =>
      key.startsWith("container.apparmor.security.beta.kubernetes.io/") && value !== "" && value !== "unconfined",
  );
  return annotated || profiles.some((type) => type !== undefined && type !== "Unconfined");
}
