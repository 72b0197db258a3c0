/** Validation of containers of all three sorts: what they share, and what only one sort may have. */
import { type DeepReadonly, type FieldError, fieldErrors, portNameErrors } from "@coxswain/apimachinery";
import { dnsLabel, oneOf, portNumber, supported, wrong } from "../../../validation/values.ts";
import { validateResources } from "../resource-validation.ts";
import type {
  Container,
  ContainerPort,
  ContainerResizePolicy,
  ContainerRestartRule,
  EphemeralContainer,
  PodSpec,
} from "../types.ts";
import { validateEnv, validateEnvFrom } from "./environment-validation.ts";
import { validateDevices, validateMounts } from "./mount-validation.ts";
import { validateHooks } from "./probe-validation.ts";
import { validateSecurity } from "./security-validation.ts";
import type { Volumes } from "./volume-validation.ts";

const { invalid, required, notSupported, notFound, forbidden, duplicate, tooMany } = fieldErrors;

/** The parts of a pod that its containers are checked against. */
interface Surroundings {
  readonly spec: DeepReadonly<PodSpec>;
  readonly volumes: Volumes;
  readonly claims: ReadonlySet<string>;
}

export function validateContainers(
  spec: DeepReadonly<PodSpec>,
  volumes: Volumes,
  claims: ReadonlySet<string>,
  path: string,
): FieldError[] {
  const around: Surroundings = { spec, volumes, claims };
  return [
    ...validateRegular(around, `${path}.containers`),
    ...validateInit(around, `${path}.initContainers`),
    ...validateEphemeral(around, `${path}.ephemeralContainers`),
  ];
}

function validateRegular(around: Surroundings, path: string): FieldError[] {
  const { spec } = around;
  if (spec.containers.length === 0) return [required(path)];
  const names = new Set<string>();
  const errors = spec.containers.flatMap((container, index) => {
    const here = `${path}[${index}]`;
    const own = validateCommon(container, around, here);
    if (names.has(container.name)) own.push(duplicate(`${here}.name`, container.name));
    names.add(container.name);
    own.push(...validateHooks(container, spec.terminationGracePeriodSeconds, spec.os?.name ?? "", here));
    return [...own, ...validateRestart(container, here)];
  });
  return [...errors, ...hostPortConflicts(spec.containers, path)];
}

function validateInit(around: Surroundings, path: string): FieldError[] {
  const { spec } = around;
  const names = new Set(spec.containers.map(({ name }) => name));
  return (spec.initContainers ?? []).flatMap((container, index) => {
    const here = `${path}[${index}]`;
    const errors = [...validateCommon(container, around, here), ...validateRestart(container, here)];
    if (names.has(container.name)) errors.push(duplicate(`${here}.name`, container.name));
    else if (container.name !== "") names.add(container.name);
    errors.push(...hostPortConflicts([container], path));
    if (container.restartPolicy === "Always")
      return [...errors, ...validateHooks(container, spec.terminationGracePeriodSeconds, spec.os?.name ?? "", here)];
    for (const name of ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] as const)
      if (container[name] !== undefined)
        errors.push(forbidden(`${here}.${name}`, "may not be set for init containers without restartPolicy=Always"));
    return errors;
  });
}

const notEphemeral = [
  "ports",
  "resources",
  "resizePolicy",
  "restartPolicy",
  "restartPolicyRules",
  "livenessProbe",
  "readinessProbe",
  "startupProbe",
  "lifecycle",
] as const;

function validateEphemeral(around: Surroundings, path: string): FieldError[] {
  const { spec } = around;
  const words = "cannot be set for an Ephemeral Container";
  const others = new Set([...spec.containers, ...(spec.initContainers ?? [])].map(({ name }) => name));
  const names = new Set(others);
  return (spec.ephemeralContainers ?? []).flatMap((container, index) => {
    const here = `${path}[${index}]`;
    const errors = [...validateCommon(container, around, here), ...trimmedImage(container, here)];
    if (names.has(container.name)) errors.push(duplicate(`${here}.name`, container.name));
    names.add(container.name);
    const target = container.targetContainerName ?? "";
    if (target !== "" && !others.has(target)) errors.push(notFound(`${here}.targetContainerName`, target));
    for (const name of notEphemeral)
      if (isSet(container[name], name === "resources")) errors.push(forbidden(`${here}.${name}`, words));
    for (const [at, mount] of (container.volumeMounts ?? []).entries())
      for (const name of ["subPath", "subPathExpr"] as const)
        if (mount[name]) errors.push(forbidden(`${here}.volumeMounts[${at}].${name}`, words));
    return errors;
  });
}

/** Set to more than nothing: of resources, which are there by value, nothing is nothing. */
function isSet(value: DeepReadonly<EphemeralContainer>[(typeof notEphemeral)[number]], isValue: boolean): boolean {
  return value !== undefined && (!(isValue || Array.isArray(value)) || Object.keys(value).length > 0);
}

/** Pods, but not templates, refuse padding. */
export function trimmedImage(container: DeepReadonly<Container>, path: string): FieldError[] {
  const { image = "" } = container;
  return image.trim() === image
    ? []
    : [invalid(`${path}.image`, image, "must not have leading or trailing whitespace")];
}

function validateCommon(container: DeepReadonly<Container>, around: Surroundings, path: string): FieldError[] {
  const { spec, volumes, claims } = around;
  const { volumeMounts = [], volumeDevices = [] } = container;
  const errors = container.name === "" ? [required(`${path}.name`)] : dnsLabel(container.name, `${path}.name`);
  if (!container.image) errors.push(required(`${path}.image`));
  const messages = container.terminationMessagePolicy;
  errors.push(...oneOf(messages, ["File", "FallbackToLogsOnError"], `${path}.terminationMessagePolicy`));
  errors.push(
    ...validatePorts(container.ports ?? [], `${path}.ports`),
    ...validateEnv(container.env ?? [], volumes, `${path}.env`),
    ...validateEnvFrom(container.envFrom ?? [], `${path}.envFrom`),
    ...validateMounts(container, volumes, `${path}.volumeMounts`),
    ...validateDevices(volumeDevices, volumeMounts, volumes, `${path}.volumeDevices`),
    ...oneOf(container.imagePullPolicy, ["Always", "IfNotPresent", "Never"], `${path}.imagePullPolicy`),
    ...validateResources(container.resources ?? {}, claims, `${path}.resources`),
    ...validateResize(container.resizePolicy ?? [], spec.restartPolicy, `${path}.resizePolicy`),
    ...validateSecurity(container.securityContext, spec.hostUsers ?? true, `${path}.securityContext`),
  );
  return errors;
}

function validatePorts(ports: readonly DeepReadonly<ContainerPort>[], path: string): FieldError[] {
  const names = new Set<string>();
  return ports.flatMap((port, index) => {
    const here = `${path}[${index}]`;
    const { name = "", hostPort = 0 } = port;
    const errors: FieldError[] = [];
    if (name !== "") {
      const details = portNameErrors(name);
      errors.push(...wrong(`${here}.name`, name, details));
      if (details.length === 0 && names.has(name)) errors.push(duplicate(`${here}.name`, name));
      if (details.length === 0) names.add(name);
    }
    if (port.containerPort === 0) errors.push(required(`${here}.containerPort`));
    else errors.push(...portNumber(port.containerPort, `${here}.containerPort`));
    if (hostPort !== 0) errors.push(...portNumber(hostPort, `${here}.hostPort`));
    errors.push(...oneOf(port.protocol, ["SCTP", "TCP", "UDP"], `${here}.protocol`));
    return errors;
  });
}

function validateResize(
  policies: readonly DeepReadonly<ContainerResizePolicy>[],
  podPolicy: string | undefined,
  path: string,
): FieldError[] {
  const seen = new Set<string>();
  return policies.flatMap(({ resourceName, restartPolicy }, index) => {
    const errors = seen.has(resourceName) ? [duplicate(`${path}[${index}]`, resourceName)] : [];
    seen.add(resourceName);
    errors.push(...oneOf(resourceName, ["cpu", "memory"], path));
    errors.push(...oneOf(restartPolicy, ["NotRequired", "RestartContainer"], path));
    return podPolicy === "Never" && restartPolicy !== "NotRequired"
      ? [...errors, invalid(path, restartPolicy, "must be 'NotRequired' when `restartPolicy` is 'Never'")]
      : errors;
  });
}

/** A container's own policy, and the rules that decide by its exit code. */
function validateRestart(container: DeepReadonly<Container>, path: string): FieldError[] {
  const { restartPolicy, restartPolicyRules: rules = [] } = container;
  const field = `${path}.restartPolicyRules`;
  const errors = supported(restartPolicy, ["Always", "OnFailure", "Never"], `${path}.restartPolicy`);
  if (rules.length === 0) return errors;
  if (restartPolicy === undefined)
    errors.push(required(`${path}.restartPolicy`, "must specify restartPolicy when restart rules are used"));
  if (rules.length > 20) errors.push(tooMany(field, rules.length, 20));
  return [...errors, ...rules.flatMap((rule, index) => validateRule(rule, `${field}[${index}]`))];
}

function validateRule(rule: DeepReadonly<ContainerRestartRule>, path: string): FieldError[] {
  const errors = oneOf(rule.action, ["Restart", "RestartAllContainers"], `${path}.action`);
  if (rule.exitCodes === undefined) return [...errors, required(`${path}.exitCodes`, "must be specified")];
  const { operator, values = [] } = rule.exitCodes;
  if (!["In", "NotIn"].includes(operator))
    errors.push(notSupported(`${path}.exitCodes.operator`, operator, ["In", "NotIn"]));
  if (values.length > 255) errors.push(tooMany(`${path}.exitCodes.values`, values.length, 255));
  return errors;
}

function hostPortConflicts(containers: readonly DeepReadonly<Container>[], path: string): FieldError[] {
  const used = new Set<string>();
  return containers.flatMap((container, index) =>
    (container.ports ?? []).flatMap(({ hostPort = 0, hostIP = "", protocol = "" }, at) => {
      if (hostPort === 0) return [];
      const key = `${protocol}/${hostIP}/${hostPort}`;
      if (used.has(key)) return [duplicate(`${path}[${index}].ports[${at}].hostPort`, key)];
      used.add(key);
      return [];
    }),
  );
}
