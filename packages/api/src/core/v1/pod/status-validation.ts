/** Validation of what a node and others report of a pod: conditions, addresses, and that what has ended stays so. */
import { type DeepReadonly, dnsSubdomainErrors, type FieldError, fieldErrors } from "@coxswain/apimachinery";
import { ipAddress, isDualStack } from "../../../validation/addresses.ts";
import { unchanged } from "../../../validation/metadata.ts";
import { qualifiedName, wrong } from "../../../validation/values.ts";
import { goValue } from "../go-values.ts";
import type { ContainerStatus, Pod } from "../types.ts";
import { validateContainerStatuses } from "./container-status-validation.ts";
import { validateAnnotationUpdate, validatePodAnnotations } from "./annotation-validation.ts";

const { invalid, forbidden, duplicate } = fieldErrors;

/** What a status may not say, and what of it may not change. */
export function validatePodStatus(next: DeepReadonly<Pod>, old: DeepReadonly<Pod>): FieldError[] {
  const [status, before] = [next.status ?? {}, old.status ?? {}];
  const { annotations } = next.metadata;
  const errors = [
    ...validateAnnotationUpdate(annotations, old.metadata.annotations),
    ...validatePodAnnotations(annotations, next.spec ?? { containers: [] }, "metadata.annotations"),
  ];
  const system = ["PodScheduled", "Ready", "Initialized"];
  for (const [index, { type }] of (status.conditions ?? []).entries())
    if (!system.includes(type)) errors.push(...qualifiedName(type, `metadata.conditions[${index}].Type`));
  const nominated = status.nominatedNodeName ?? "";
  if (nominated !== "" && nominated !== before.nominatedNodeName)
    errors.push(...wrong("status.nominatedNodeName", nominated, dnsSubdomainErrors(nominated)));
  if (before.qosClass !== undefined)
    errors.push(...unchanged(status.qosClass ?? "", before.qosClass, "status.qosClass"));
  const policy = old.spec?.restartPolicy ?? "Always";
  const sidecars = new Set(
    (old.spec?.initContainers ?? [])
      .filter((container) => container.restartPolicy === "Always")
      .map(({ name }) => name),
  );
  const own = new Set(
    [...(old.spec?.containers ?? []), ...(old.spec?.initContainers ?? [])]
      .filter((container) => container.restartPolicy !== undefined)
      .map(({ name }) => name),
  );
  const free = new Set([...sidecars, ...own]);
  errors.push(...revived(status.containerStatuses, before.containerStatuses, policy, free, "status.containerStatuses"));
  errors.push(
    ...revived(
      status.initContainerStatuses,
      before.initContainerStatuses,
      policy,
      free,
      "status.initContainerStatuses",
    ),
  );
  const ephemeral = "status.ephemeralContainerStatuses";
  errors.push(
    ...revived(status.ephemeralContainerStatuses, before.ephemeralContainerStatuses, "Never", new Set(), ephemeral),
  );
  errors.push(...claimStatuses(next));
  const podIps = (status.podIPs ?? []).map(({ ip }) => ip ?? "");
  errors.push(...validateIps(podIps, status.podIPs ?? [], "status.podIPs"));
  const hostIps = (status.hostIPs ?? []).map(({ ip }) => ip);
  if (hostIps.length > 0 && (status.hostIP ?? "") !== hostIps[0])
    errors.push(invalid("status.hostIPs[0].ip", hostIps[0], "must be equal to `hostIP`"));
  errors.push(...validateIps(hostIps, status.hostIPs ?? [], "status.hostIPs"));
  return [...errors, ...validateContainerStatuses(next)];
}

type Statuses = readonly DeepReadonly<ContainerStatus>[] | undefined;

/** What has ended for good does not run again. */
function revived(next: Statuses, old: Statuses, policy: string, free: ReadonlySet<string>, path: string): FieldError[] {
  if (policy === "Always") return [];
  return (old ?? []).flatMap((before, index) => {
    const ended = before.state?.terminated;
    if (ended === undefined || free.has(before.name) || (ended.exitCode !== 0 && policy === "OnFailure")) return [];
    const isAlive = (next ?? []).some(({ name, state }) => name === before.name && state?.terminated === undefined);
    return isAlive ? [forbidden(`${path}[${index}].state`, "may not be transitioned to non-terminated state")] : [];
  });
}

function claimStatuses(pod: DeepReadonly<Pod>): FieldError[] {
  const known = new Set((pod.spec?.resourceClaims ?? []).map(({ name }) => name));
  const seen = new Set<string>();
  return (pod.status?.resourceClaimStatuses ?? []).flatMap(({ name, resourceClaimName: claim }, index) => {
    const field = `status.resourceClaimStatuses[${index}].name`;
    const errors: FieldError[] = [];
    if (!known.has(name)) errors.push(invalid(field, name, "must match the name of an entry in `spec.resourceClaims`"));
    if (seen.has(name)) errors.push(duplicate(field, name));
    seen.add(name);
    return claim === undefined ? errors : [...errors, ...wrong(field, claim, dnsSubdomainErrors(claim))];
  });
}

function validateIps(ips: readonly string[], given: readonly unknown[], path: string): FieldError[] {
  const errors = ips.flatMap((ip, index) => ipAddress(ip, `${path}[${index}]`));
  if (ips.length < 2) return errors;
  if (!isDualStack(ips) || ips.length > 2)
    errors.push(invalid(path, goValue("ip", given), "may specify no more than one IP for each IP family"));
  const again = ips.flatMap((ip, index) =>
    ips.indexOf(ip) < index ? [duplicate(`${path}[${index}]`, goValue("ip", given[index]))] : [],
  );
  return [...errors, ...again];
}
