// The Pod Security Standards: what a pod must not ask for at the levels "baseline" and "restricted". Each check is one row of the standard,
// with the words that Kubernetes' `k8s.io/pod-security-admission/policy` uses. Pure.
import type { Container, Pod } from "@coxswain/api/core/v1";

export type Level = "privileged" | "baseline" | "restricted";
type PodSpec = NonNullable<Pod["spec"]>;

export interface Violation {
  /** Short, as in `privileged`. */
  readonly reason: string;
  /** Names the offenders; may be empty. */
  readonly detail: string;
}

type Check = (spec: PodSpec, pod: Pod) => Violation | undefined;

/** What is wrong with the pod at a level, in the order of the checks. */
export function violations(level: Level, pod: Pod): readonly Violation[] {
  const { spec } = pod;
  if (level === "privileged" || spec === undefined) return [];
  const checks = level === "baseline" ? baseline : [...baseline.filter((check) => !replaced.has(check)), ...restricted];
  return checks.map((check) => check(spec, pod)).filter((found) => found !== undefined);
}

const all = (spec: PodSpec): readonly Container[] => [
  ...(spec.initContainers ?? []),
  ...(spec.containers ?? []),
  ...(spec.ephemeralContainers ?? []),
];
const quoted = (names: readonly string[]): string => names.map((name) => JSON.stringify(name)).join(", ");

function containersText(containers: readonly Container[]): string {
  return `${containers.length === 1 ? "container" : "containers"} ${quoted(containers.map(({ name }) => name))}`;
}

const hostNamespaces: Check = (spec) => {
  const used = [
    spec.hostNetwork && "hostNetwork=true",
    spec.hostPID && "hostPID=true",
    spec.hostIPC && "hostIPC=true",
  ].filter((text) => typeof text === "string");
  return used.length === 0 ? undefined : { reason: "host namespaces", detail: used.join(", ") };
};

const privileged: Check = (spec) => {
  const bad = all(spec).filter(({ securityContext }) => securityContext?.privileged === true);
  return bad.length === 0
    ? undefined
    : { reason: "privileged", detail: `${containersText(bad)} must not set securityContext.privileged=true` };
};

const baselineCapabilities = new Set([
  "AUDIT_WRITE",
  "CHOWN",
  "DAC_OVERRIDE",
  "FOWNER",
  "FSETID",
  "KILL",
  "MKNOD",
  "NET_BIND_SERVICE",
  "SETFCAP",
  "SETGID",
  "SETPCAP",
  "SETUID",
  "SYS_CHROOT",
]);

const addedCapabilities: Check = (spec) => {
  const bad = all(spec).filter(({ securityContext }) =>
    (securityContext?.capabilities?.add ?? []).some((name) => !baselineCapabilities.has(name)),
  );
  if (bad.length === 0) return undefined;
  const names = new Set(
    bad.flatMap(({ securityContext }) =>
      (securityContext?.capabilities?.add ?? []).filter((name) => !baselineCapabilities.has(name)),
    ),
  );
  return {
    reason: "non-default capabilities",
    detail: `${containersText(bad)} must not include ${quoted([...names].toSorted())} in securityContext.capabilities.add`,
  };
};

const hostPathVolumes: Check = (spec) => {
  const bad = (spec.volumes ?? []).filter(({ hostPath }) => hostPath !== undefined).map(({ name }) => name);
  return bad.length === 0
    ? undefined
    : { reason: "hostPath volumes", detail: `${bad.length === 1 ? "volume" : "volumes"} ${quoted(bad)}` };
};

const hostPorts: Check = (spec) => {
  const used = (container: Container): number[] =>
    (container.ports ?? []).map(({ hostPort }) => hostPort ?? 0).filter((port) => port !== 0);
  const bad = all(spec).filter((container) => used(container).length > 0);
  if (bad.length === 0) return undefined;
  const ports = [...new Set(bad.flatMap(used))].toSorted((a, b) => a - b);
  return {
    reason: "hostPort",
    detail: `${containersText(bad)} ${bad.length === 1 ? "uses" : "use"} ${ports.length === 1 ? "hostPort" : "hostPorts"} ${ports.join(", ")}`,
  };
};

const hostProbes: Check = (spec) => {
  const host = (container: Container): string | undefined => {
    const probes = [
      container.livenessProbe,
      container.readinessProbe,
      container.startupProbe,
      container.lifecycle?.postStart,
      container.lifecycle?.preStop,
    ];
    return probes
      .flatMap((probe) => [probe?.httpGet?.host, probe?.tcpSocket?.host])
      .find((name) => (name ?? "") !== "");
  };
  const bad = all(spec).filter((container) => host(container) !== undefined);
  return bad.length === 0
    ? undefined
    : {
        reason: "probe or lifecycle host",
        detail: `${containersText(bad)} must not set host in probes or lifecycle hooks`,
      };
};

const windowsHostProcess: Check = (spec) => {
  const inPod = spec.securityContext?.windowsOptions?.hostProcess === true;
  const bad = all(spec).filter(({ securityContext }) => securityContext?.windowsOptions?.hostProcess === true);
  if (!inPod && bad.length === 0) return undefined;
  const who = [...(inPod ? ["pod"] : []), ...(bad.length === 0 ? [] : [containersText(bad)])].join(" and ");
  return { reason: "hostProcess", detail: `${who} must not set securityContext.windowsOptions.hostProcess=true` };
};

const procMount: Check = (spec) => {
  const bad = all(spec).filter(({ securityContext }) => (securityContext?.procMount ?? "Default") !== "Default");
  if (bad.length === 0) return undefined;
  const values = quoted([...new Set(bad.map(({ securityContext }) => securityContext?.procMount ?? ""))]);
  return { reason: "procMount", detail: `${containersText(bad)} must not set securityContext.procMount to ${values}` };
};

const seLinuxTypes = new Set(["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"]);

const seLinux: Check = (spec) => {
  const options = [
    spec.securityContext?.seLinuxOptions,
    ...all(spec).map(({ securityContext }) => securityContext?.seLinuxOptions),
  ];
  const types = [...new Set(options.map((option) => option?.type ?? "").filter((type) => !seLinuxTypes.has(type)))];
  const userOrRole = options.some((option) => (option?.user ?? "") !== "" || (option?.role ?? "") !== "");
  if (types.length === 0 && !userOrRole) return undefined;
  const parts = [
    ...(types.length === 0 ? [] : [`type ${quoted(types)}`]),
    ...(userOrRole ? ["user or role may not be set"] : []),
  ];
  return { reason: "seLinuxOptions", detail: `forbidden securityContext.seLinuxOptions: ${parts.join("; ")}` };
};

const appArmor: Check = (spec, pod) => {
  const annotations = Object.entries(pod.metadata.annotations ?? {}).filter(
    ([key, value]) =>
      key.startsWith("container.apparmor.security.beta.kubernetes.io/") &&
      value !== "" &&
      value !== "runtime/default" &&
      !value.startsWith("localhost/"),
  );
  const types = [
    spec.securityContext?.appArmorProfile?.type,
    ...all(spec).map(({ securityContext }) => securityContext?.appArmorProfile?.type),
  ];
  const unconfined = types.some((type) => type === "Unconfined");
  if (annotations.length === 0 && !unconfined) return undefined;
  const parts = [
    ...(unconfined ? ['appArmorProfile.type must not be "Unconfined"'] : []),
    ...annotations.map(([key, value]) => `annotation ${key}=${JSON.stringify(value)}`),
  ];
  return { reason: "forbidden AppArmor profiles", detail: parts.join(", ") };
};

const safeSysctls = new Set([
  "kernel.shm_rmid_forced",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.ping_group_range",
  "net.ipv4.ip_unprivileged_port_start",
  "net.ipv4.ip_local_reserved_ports",
  "net.ipv4.tcp_keepalive_time",
  "net.ipv4.tcp_fin_timeout",
  "net.ipv4.tcp_keepalive_intvl",
  "net.ipv4.tcp_keepalive_probes",
  "net.ipv4.tcp_rmem",
  "net.ipv4.tcp_wmem",
]);

const sysctls: Check = (spec) => {
  const bad = (spec.securityContext?.sysctls ?? []).map(({ name }) => name).filter((name) => !safeSysctls.has(name));
  return bad.length === 0 ? undefined : { reason: "forbidden sysctls", detail: bad.join(", ") };
};

const seccompBaseline: Check = (spec) => {
  const inPod = spec.securityContext?.seccompProfile?.type === "Unconfined";
  const bad = all(spec).filter(({ securityContext }) => securityContext?.seccompProfile?.type === "Unconfined");
  if (!inPod && bad.length === 0) return undefined;
  const who = [...(inPod ? ["pod"] : []), ...(bad.length === 0 ? [] : [containersText(bad)])].join(" and ");
  return {
    reason: "seccompProfile",
    detail: `${who} must not set securityContext.seccompProfile.type to "Unconfined"`,
  };
};

const baseline: readonly Check[] = [
  hostNamespaces,
  privileged,
  addedCapabilities,
  hostPathVolumes,
  hostPorts,
  hostProbes,
  windowsHostProcess,
  procMount,
  seLinux,
  appArmor,
  sysctls,
  seccompBaseline,
];

const allowedVolumes = [
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "image",
  "persistentVolumeClaim",
  "projected",
  "secret",
];

const restrictedVolumes: Check = (spec) => {
  const bad = (spec.volumes ?? []).filter((volume) =>
    Object.keys(volume).some((key) => key !== "name" && !allowedVolumes.includes(key)),
  );
  if (bad.length === 0) return undefined;
  const types = [...new Set(bad.flatMap((volume) => Object.keys(volume).filter((key) => key !== "name")))].toSorted();
  const what = `${bad.length === 1 ? "volume" : "volumes"} ${quoted(bad.map(({ name }) => name))}`;
  return {
    reason: "restricted volume types",
    detail: `${what} ${bad.length === 1 ? "uses" : "use"} restricted volume ${types.length === 1 ? "type" : "types"} ${quoted(types)}`,
  };
};

const privilegeEscalation: Check = (spec) => {
  const bad = all(spec).filter(({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false);
  return bad.length === 0
    ? undefined
    : {
        reason: "allowPrivilegeEscalation != false",
        detail: `${containersText(bad)} must set securityContext.allowPrivilegeEscalation=false`,
      };
};

const runAsNonRoot: Check = (spec) => {
  const podWide = spec.securityContext?.runAsNonRoot;
  const bad = all(spec).filter(({ securityContext }) => (securityContext?.runAsNonRoot ?? podWide) !== true);
  if (bad.length === 0) return undefined;
  const explicit = podWide === false ? "pod must not set securityContext.runAsNonRoot=false" : undefined;
  return {
    reason: "runAsNonRoot != true",
    detail: explicit ?? `pod or ${containersText(bad)} must set securityContext.runAsNonRoot=true`,
  };
};

const runAsUser: Check = (spec) => {
  const inPod = spec.securityContext?.runAsUser === 0;
  const bad = all(spec).filter(({ securityContext }) => securityContext?.runAsUser === 0);
  if (!inPod && bad.length === 0) return undefined;
  const who = [...(inPod ? ["pod"] : []), ...(bad.length === 0 ? [] : [containersText(bad)])].join(" and ");
  return { reason: "runAsUser=0", detail: `${who} must not set runAsUser=0` };
};

const seccompRestricted: Check = (spec) => {
  const good = (type: string | undefined): boolean => type === "RuntimeDefault" || type === "Localhost";
  const podWide = spec.securityContext?.seccompProfile?.type;
  const bad = all(spec).filter(({ securityContext }) => !good(securityContext?.seccompProfile?.type ?? podWide));
  if (bad.length === 0) return undefined;
  return {
    reason: "seccompProfile",
    detail: `pod or ${containersText(bad)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
  };
};

const dropAll: Check = (spec) => {
  const missing = all(spec).filter(
    ({ securityContext }) => !(securityContext?.capabilities?.drop ?? []).includes("ALL"),
  );
  const adding = all(spec).filter(({ securityContext }) =>
    (securityContext?.capabilities?.add ?? []).some((name) => name !== "NET_BIND_SERVICE"),
  );
  if (missing.length === 0 && adding.length === 0) return undefined;
  const added = new Set(
    adding.flatMap(({ securityContext }) =>
      (securityContext?.capabilities?.add ?? []).filter((name) => name !== "NET_BIND_SERVICE"),
    ),
  );
  const parts = [
    ...(missing.length === 0 ? [] : [`${containersText(missing)} must set securityContext.capabilities.drop=["ALL"]`]),
    ...(adding.length === 0
      ? []
      : [
          `${containersText(adding)} must not include ${quoted([...added].toSorted())} in securityContext.capabilities.add`,
        ]),
  ];
  return { reason: "unrestricted capabilities", detail: parts.join("; ") };
};

const restricted: readonly Check[] = [
  dropAll,
  privilegeEscalation,
  restrictedVolumes,
  runAsNonRoot,
  runAsUser,
  seccompRestricted,
];
/** Checks of the lower level that a stricter one of the higher level contains. */
const replaced: ReadonlySet<Check> = new Set([addedCapabilities, hostPathVolumes, seccompBaseline]);
