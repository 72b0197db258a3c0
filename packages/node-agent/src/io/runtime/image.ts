// Makes a container's image present by its pull policy, with the kubelet's events and reasons. How long to wait after a
// failure is remembered by the caller.
import type { Container, Pod, Secret } from "@coxswain/api/core/v1";
import { isRuntimeError } from "@coxswain/container-runtime";
import type { ImageStatus, PullProgress } from "@coxswain/container-runtime";
import { credentialsFor } from "../../core/image/credentials.ts";
import { referenceFault } from "../../core/image/reference.ts";
import { messageOf } from "../../errors.ts";
import type { PodPorts } from "../../ports.ts";

export type ImageResult =
  | { readonly image: ImageStatus }
  | { readonly reason: "ErrImageNeverPull" | "ErrImagePull" | "InvalidImageName"; readonly message: string };

/** A long pull tells how far it is this often. */
const progressMs = 10_000;

export async function ensureImage(
  ports: PodPorts,
  pod: Pod,
  container: Container,
  signal: AbortSignal,
): Promise<ImageResult> {
  const { runtime, events, clock } = ports;
  const reference = container.image ?? "";
  const fault = referenceFault(reference);
  if (fault !== undefined) {
    const quoted = JSON.stringify(reference);
    const message = `Failed to apply default image tag ${quoted}: couldn't parse image name ${quoted}: ${fault}`;
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
    const credentials = credentialsFor(reference, await pullSecrets(ports, pod, container, signal));
    let toldAt = startedAt;
    const told = ({ doneBytes, totalBytes }: PullProgress): void => {
      if (clock.monotonic() - toldAt < progressMs) return;
      toldAt = clock.monotonic();
      const text = `Pulling image ${JSON.stringify(reference)}: ${megabytes(doneBytes)} of ${megabytes(totalBytes)} MB so far`;
      events.record(pod, container.name, "Normal", "Pulling", text);
    };
    await ports.puller.pull(reference, credentials, told, signal);
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

/** The pod's pull secrets; those of its service account are among them since it was admitted. */
async function pullSecrets(
  ports: PodPorts,
  pod: Pod,
  container: Container,
  signal: AbortSignal,
): Promise<readonly Secret[]> {
  const found: Secret[] = [];
  const missing: string[] = [];
  for (const { name } of pod.spec?.imagePullSecrets ?? []) {
    if (!name) continue;
    const secret = await ports.api.secret(pod.metadata.namespace ?? "", name, signal);
    if (secret) found.push(secret);
    else missing.push(name);
  }
  if (missing.length > 0)
    ports.events.record(
      pod,
      container.name,
      "Warning",
      "FailedToRetrieveImagePullSecret",
      `Unable to retrieve some image pull secrets (${missing.join(", ")}); attempting to pull the image may not succeed.`,
    );
  return found;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
