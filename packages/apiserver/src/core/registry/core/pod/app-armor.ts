// AppArmor profiles that a new pod names in annotations, as was done before there were fields for them, become its containers' own.
import type { ApiObject } from "@coxswain/apimachinery";
import { jsonEqual } from "@coxswain/apimachinery";
import type { AppArmorProfile, PodSpec } from "@coxswain/api/core/v1";

const prefix = "container.apparmor.security.beta.kubernetes.io/";

export function adoptAppArmorAnnotations(pod: ApiObject): void {
  const spec = (pod as ApiObject & { spec?: PodSpec }).spec;
  if (spec === undefined || spec.os?.name === "windows") return;
  const ofPod = spec.securityContext?.appArmorProfile;
  for (const container of [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])]) {
    const annotation = pod.metadata.annotations?.[`${prefix}${container.name}`];
    if (annotation === undefined || container.securityContext?.appArmorProfile !== undefined) continue;
    const profile = profileOf(annotation);
    if (profile === undefined || jsonEqual(profile, ofPod ?? null)) continue;
    container.securityContext = { ...container.securityContext, appArmorProfile: profile };
  }
}

/** Undefined for what names none that there can be. */
function profileOf(annotation: string): AppArmorProfile | undefined {
  if (annotation === "unconfined") return { type: "Unconfined" };
  if (annotation === "runtime/default") return { type: "RuntimeDefault" };
  const local = "localhost/";
  const name = annotation.slice(local.length);
  const isSound =
    annotation.startsWith(local) && name !== "" && name.trim() === name && Buffer.byteLength(name) <= 4095;
  return isSound ? { type: "Localhost", localhostProfile: name } : undefined;
}
