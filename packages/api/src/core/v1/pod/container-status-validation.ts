/** Validation of what a node reports of containers: the user that they run as, and the health of what was allocated to them. */
import { type DeepReadonly, type FieldError, fieldErrors } from "@coxswain/apimachinery";
import { systemId } from "../../../validation/values.ts";
import type { Container, ContainerStatus, LinuxContainerUser, Pod, ResourceStatus } from "../types.ts";

const { invalid, forbidden, notSupported, duplicate } = fieldErrors;
const lists = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"] as const;

export function validateContainerStatuses({ spec, status = {} }: DeepReadonly<Pod>): FieldError[] {
  const users = lists.flatMap((list) => validateUsers(status[list] ?? [], spec?.os?.name ?? "linux", `status.${list}`));
  return [
    ...users,
    ...validateAllocated(status.containerStatuses ?? [], spec?.containers ?? [], "status.containerStatuses"),
    ...validateAllocated(
      status.initContainerStatuses ?? [],
      spec?.initContainers ?? [],
      "status.initContainerStatuses",
    ),
    ...(status.ephemeralContainerStatuses ?? []).flatMap(({ allocatedResourcesStatus: allocated = [] }, index) => {
      const field = `status.ephemeralContainerStatuses[${index}].allocatedResourcesStatus`;
      return allocated.length === 0 ? [] : [forbidden(field, "must not be specified in container status")];
    }),
  ];
}

function validateUsers(statuses: readonly DeepReadonly<ContainerStatus>[], os: string, path: string): FieldError[] {
  return statuses.flatMap(({ user }, index) => {
    const field = `${path}[${index}].linux`;
    if (user?.linux === undefined) return [];
    return os === "windows" ? [forbidden(field, "cannot be set for a windows pod")] : linuxUser(user.linux, field);
  });
}

function linuxUser(user: DeepReadonly<LinuxContainerUser>, path: string): FieldError[] {
  return [
    ...systemId(user.uid, `${path}.uid`),
    ...systemId(user.gid, `${path}.gid`),
    ...(user.supplementalGroups ?? []).flatMap((group, index) =>
      systemId(group, `${path}.supplementalGroups[${index}]`),
    ),
  ];
}

function validateAllocated(
  statuses: readonly DeepReadonly<ContainerStatus>[],
  containers: readonly DeepReadonly<Container>[],
  path: string,
): FieldError[] {
  return statuses.flatMap(({ name, allocatedResourcesStatus: allocated = [] }, index) => {
    const container = containers.find((one) => one.name === name);
    return allocated.flatMap((resource, at) => {
      const here = `${path}[${index}].allocatedResourcesStatus[${at}]`;
      return [
        ...(container === undefined ? [] : knownResource(resource.name, container, here)),
        ...health(resource, here),
      ];
    });
  });
}

function knownResource(name: string, { resources = {} }: DeepReadonly<Container>, path: string): FieldError[] {
  const isClaim = name.startsWith("claim:");
  const known = isClaim
    ? (resources.claims ?? []).map((claim) => `claim:${claim.name}${claim.request ? `/${claim.request}` : ""}`)
    : Object.keys(resources.requests ?? {});
  const words = isClaim
    ? "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty"
    : "must match one of the container's resource requests";
  return known.includes(name) ? [] : [invalid(`${path}.name`, name, words)];
}

const states = ["Healthy", "Unhealthy", "Unknown"];

function health({ resources = [] }: DeepReadonly<ResourceStatus>, path: string): FieldError[] {
  const seen = new Set<string>();
  return resources.flatMap(({ resourceID: id, health: state = "" }, index) => {
    const here = `${path}.resources[${index}]`;
    const errors = states.includes(state) ? [] : [notSupported(`${here}.health`, state, states)];
    if (seen.has(id)) errors.push(duplicate(`${here}.resourceID`, id));
    seen.add(id);
    return errors;
  });
}
