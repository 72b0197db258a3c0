// One attempt at a container, from its image to its postStart hook. Every refusal becomes a StartFailure with
// Kubernetes' reason, so that the plan knows when to try again and the status knows what to say.
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { ConfigMap, Container, Pod, Secret } from "@coxswain/api/core/v1";
import { isRuntimeError } from "@coxswain/container-runtime";
import type { Mount } from "@coxswain/container-runtime";
import { containerConfig, fqdnOf, hostnameOf, missingOf, rootRefusal } from "../../core/container/config.ts";
import { containerEnv, envReferences } from "../../core/container/env.ts";
import { envFileKey } from "../../core/container/env-file.ts";
import type { EnvFile } from "../../core/container/env-file.ts";
import type { SelfView } from "../../core/container/field-ref.ts";
import { isFenced } from "../../core/fencing.ts";
import { hostsFile, resolvConf } from "../../core/network/files.ts";
import { AgentError, messageOf } from "../../errors.ts";
import type { PodPorts } from "../../ports.ts";
import { ensureImage } from "./image.ts";
import { terminationMessagePath } from "./observe.ts";

export interface StartRequest {
  readonly pod: Pod;
  readonly container: Container;
  readonly sandboxId: string;
  readonly attempt: number;
  readonly crashes: number;
  readonly podIP: string;
  /** Its processes are to be seen from the container. */
  readonly targetContainerId?: string | undefined;
}

export type StartResult = { readonly id: string } | { readonly reason: string; readonly message: string };

export async function startContainer(
  ports: PodPorts,
  request: StartRequest,
  signal: AbortSignal,
): Promise<StartResult> {
  const { pod, container } = request;
  const ensured = await ensureImage(ports, pod, container, signal);
  if ("reason" in ensured) return ensured;
  const refusal = missingOf(container) ?? rootRefusal(pod, container, ensured.image.user);
  if (refusal) return configError(ports, request, refusal);

  let id: string;
  try {
    const variables = await environment(ports, request, signal);
    const config = containerConfig({
      pod,
      container,
      attempt: request.attempt,
      crashes: request.crashes,
      image: container.image ?? "",
      imageUser: ensured.image.user,
      variables,
      mounts: [...(await ports.volumes.mountsOf(pod, container, variables)), ...(await ownFiles(ports, request))],
      nodeMemoryBytes: ports.node.memoryBytes,
      mayProtect: ports.node.mayProtect,
      targetContainerId: request.targetContainerId,
      log: ports.containerLog,
      seccompDirectory: ports.seccompDirectory,
      cgroupParent: await ports.cgroups?.prepare(pod),
    });
    signal.throwIfAborted();
    id = await ports.runtime.createContainer(request.sandboxId, config, signal);
    if (isFenced(pod)) await ports.guard?.(id);
  } catch (error) {
    if (signal.aborted || (isRuntimeError(error) && error.code === "unavailable")) throw error;
    if (error instanceof AgentError) return configError(ports, request, error.message);
    ports.events.record(pod, container.name, "Warning", "Failed", `Error: ${messageOf(error)}`);
    return { reason: "CreateContainerError", message: messageOf(error) };
  }
  ports.events.record(pod, container.name, "Normal", "Created", `Created container: ${container.name}`);
  try {
    await ports.runtime.startContainer(id, signal);
    ports.cgroups?.begun(pod, id);
  } catch (error) {
    if (!isRuntimeError(error, "start-failed")) throw error;
    // The refused attempt stays, and counts for the back-off like one that ended.
    ports.events.record(pod, container.name, "Warning", "Failed", `Error: ${error.message}`);
    return { id };
  }
  ports.events.record(pod, container.name, "Normal", "Started", `Started container ${container.name}`);
  return { id };
}

function configError(ports: PodPorts, request: StartRequest, message: string): StartResult {
  ports.events.record(request.pod, request.container.name, "Warning", "Failed", `Error: ${message}`);
  return { reason: "CreateContainerConfigError", message };
}

export function selfView(ports: PodPorts, pod: Pod, podIP: string | undefined): SelfView {
  return { pod, podIP, hostIP: ports.node.hostIPs[0], allocatable: ports.node.allocatable };
}

async function environment(
  ports: PodPorts,
  request: StartRequest,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const { pod, container } = request;
  const namespace = pod.metadata?.namespace ?? "";
  const references = envReferences(container);
  const configMaps = new Map<string, ConfigMap>();
  const secrets = new Map<string, Secret>();
  const files = new Map<string, EnvFile>();
  for (const name of references.configMaps) {
    const object = await ports.api.configMap(namespace, name, signal);
    if (object) configMaps.set(name, object);
  }
  for (const name of references.secrets) {
    const object = await ports.api.secret(namespace, name, signal);
    if (object) secrets.set(name, object);
  }
  for (const reference of references.files) {
    const key = envFileKey(reference);
    const file = files.has(key) ? undefined : await ports.volumes.envFile(pod, reference.volumeName, reference.path);
    if (file) files.set(key, file);
  }
  const result = containerEnv(selfView(ports, pod, request.podIP), container, {
    configMaps,
    secrets,
    files,
    services: ports.api.services(),
  });
  if ("error" in result) throw new AgentError("container-config", result.error);
  return result.variables;
}

/** Files that the agent gives every container: names, resolver, and the place for its last words. */
async function ownFiles(ports: PodPorts, request: StartRequest): Promise<readonly Mount[]> {
  if (ports.withoutFiles) return [];
  const { pod, container } = request;
  const directory = await ports.volumes.podDirectory(pod);
  const mounts: Mount[] = [];
  const mounted = (path: string): boolean => (container.volumeMounts ?? []).some((mount) => mount.mountPath === path);
  const add = async (path: string, containerPath: string, text: string, mode: number): Promise<void> => {
    await mkdir(dirname(path), { recursive: true, mode: 0o750 });
    await writeFile(path, text, { mode });
    // Whatever the agent's umask is: a container's user, who need not be root, leaves its last words here.
    await chmod(path, mode);
    mounts.push({ hostPath: path, containerPath, readOnly: false, propagation: "private" });
  };
  const resolver = ports.resolver();
  const dns = {
    policy: pod.spec?.dnsPolicy ?? "ClusterFirst",
    hostNetwork: pod.spec?.hostNetwork ?? false,
    namespace: pod.metadata?.namespace ?? "",
    config: pod.spec?.dnsConfig,
  };
  if (!mounted("/etc/resolv.conf"))
    await add(`${directory}/resolv.conf`, "/etc/resolv.conf", resolvConf(dns, resolver), 0o644);
  if (!mounted("/etc/hosts")) {
    const hosts = hostsFile({
      hostFile: pod.spec?.hostNetwork ? await readFile("/etc/hosts", "utf8").catch(() => "") : undefined,
      ip: request.podIP,
      hostname: hostnameOf(pod),
      fqdn: fqdnOf(pod, resolver.clusterDomain),
      aliases: pod.spec?.hostAliases ?? [],
    });
    await add(`${directory}/etc-hosts`, "/etc/hosts", hosts, 0o644);
  }
  const messagePath = container.terminationMessagePath || "/dev/termination-log";
  await add(terminationMessagePath(directory, container.name, request.attempt), messagePath, "", 0o666);
  return mounts;
}
