// Makes a container's image present by its pull policy, with the kubelet's events and reasons. How long to wait after a
// failure is remembered by the caller.
import type { Container, Pod, Secret } from "@coxswain/api/core/v1";
import { isRuntimeError } from "@coxswain/container-runtime";
import type { ImageStatus, RegistryAuth } from "@coxswain/container-runtime";
import { messageOf } from "../../errors.ts";
import type { PodPorts } from "../../ports.ts";

export type ImageResult =
  | { readonly image: ImageStatus }
  | { readonly reason: "ErrImageNeverPull" | "ErrImagePull" | "InvalidImageName"; readonly message: string };

export async function ensureImage(
  ports: PodPorts,
  pod: Pod,
  container: Container,
  signal: AbortSignal,
): Promise<ImageResult> {
  const { runtime, events, clock } = ports;
  const reference = container.image ?? "";
  if (!/^[\w][\w.\-:/@]*$/.test(reference)) {
    const message = `Failed to apply default image tag ${JSON.stringify(reference)}: couldn't parse image name`;
    events.record(pod, container.name, "Warning", "InspectFailed", message);
    return { reason: "InvalidImageName", message };
  }
  const policy = pullPolicyOf(container);
  const present = await runtime.imageStatus(reference, signal);
  if (present && policy !== "Always") {
    events.record(
      pod,
      container.name,
      "Normal",
      "Pulled",
      `Container image ${JSON.stringify(reference)} already present on machine`,
    );
    return { image: present };
  }
  if (policy === "Never") {
    const message = `Container image ${JSON.stringify(reference)} is not present with pull policy of Never`;
    events.record(pod, container.name, "Warning", "ErrImageNeverPull", message);
    return { reason: "ErrImageNeverPull", message };
  }
  events.record(pod, container.name, "Normal", "Pulling", `Pulling image ${JSON.stringify(reference)}`);
  const startedAt = clock.monotonic();
  try {
    await runtime.pullImage(reference, await registryAuth(ports, pod, reference, signal), signal);
    const image = await runtime.imageStatus(reference, signal);
    if (!image)
      return { reason: "ErrImagePull", message: `image ${JSON.stringify(reference)} vanished after its pull` };
    const seconds = `${((clock.monotonic() - startedAt) / 1000).toFixed(3)}s`;
    events.record(
      pod,
      container.name,
      "Normal",
      "Pulled",
      `Successfully pulled image ${JSON.stringify(reference)} in ${seconds} (${seconds} including waiting). Image size: ${image.sizeBytes} bytes.`,
    );
    return { image };
  } catch (error) {
    if (signal.aborted || (isRuntimeError(error) && error.code === "unavailable")) throw error;
    const message = messageOf(error);
    events.record(
      pod,
      container.name,
      "Warning",
      "Failed",
      `Failed to pull image ${JSON.stringify(reference)}: ${message}`,
    );
    events.record(pod, container.name, "Warning", "Failed", "Error: ErrImagePull");
    return { reason: "ErrImagePull", message };
  }
}

function pullPolicyOf(container: Container): string {
  if (container.imagePullPolicy) return container.imagePullPolicy;
  const tag = /:([^/:@]+)$/.exec(container.image ?? "")?.[1];
  return (tag === undefined || tag === "latest") && !(container.image ?? "").includes("@") ? "Always" : "IfNotPresent";
}

/** From the pod's pull secrets: the entry whose key is the image's registry. */
async function registryAuth(
  ports: PodPorts,
  pod: Pod,
  reference: string,
  signal: AbortSignal,
): Promise<RegistryAuth | undefined> {
  const registry = registryOf(reference);
  for (const { name } of pod.spec?.imagePullSecrets ?? []) {
    const secret = name ? await ports.api.secret(pod.metadata?.namespace ?? "", name, signal) : undefined;
    const auth = secret && authIn(secret, registry);
    if (auth) return auth;
  }
  return undefined;
}

function registryOf(reference: string): string {
  const first = reference.split("/")[0] ?? "";
  return reference.includes("/") && /[.:]|^localhost$/.test(first) ? first : "https://index.docker.io/v1/";
}

function authIn(secret: Secret, registry: string): RegistryAuth | undefined {
  const text = secret.data?.[".dockerconfigjson"];
  if (text === undefined) return undefined;
  const config: unknown = JSON.parse(Buffer.from(text, "base64").toString());
  const entries = isRecord(config) && isRecord(config.auths) ? Object.entries(config.auths) : [];
  const found = entries.find(
    ([key]) => key === registry || key.replace(/^https?:\/\//, "").replace(/\/.*$/, "") === registry,
  );
  const entry = found?.[1];
  if (!isRecord(entry)) return undefined;
  const [user, ...rest] = typeof entry.auth === "string" ? Buffer.from(entry.auth, "base64").toString().split(":") : [];
  const username = typeof entry.username === "string" ? entry.username : (user ?? "");
  const password = typeof entry.password === "string" ? entry.password : rest.join(":");
  return { username, password, server: registry };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
