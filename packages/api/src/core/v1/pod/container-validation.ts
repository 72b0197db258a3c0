/** Validation of containers: names, images, ports, environment, mounts, probes, resources. */
import {
  compareQuantities,
  type DeepReadonly,
  dnsLabelErrors,
  envVarNameErrors,
  type FieldError,
  fieldErrors,
  parseQuantity,
  portNameErrors,
  qualifiedNameErrors,
} from "@coxswain/apimachinery";
import type { Container, ContainerPort, EnvVar, PodSpec, Probe, ResourceRequirements, VolumeMount } from "../types.ts";
import {
  duplicates,
  named,
  notNegative,
  oneOf,
  portNumber,
  portNumberOrName,
  present,
} from "../../../validation/values.ts";

export function validateContainers(spec: DeepReadonly<PodSpec>, path: string): FieldError[] {
  if (spec.containers.length === 0) return [fieldErrors.required(`${path}.containers`)];
  const volumes = new Set((spec.volumes ?? []).map(({ name }) => name));
  const errors: FieldError[] = [];
  const names: { value: string; field: string }[] = [];
  for (const [list, containers] of [
    ["containers", spec.containers],
    ["initContainers", spec.initContainers ?? []],
  ] as const) {
    for (const [index, container] of containers.entries()) {
      const here = `${path}.${list}[${index}]`;
      names.push({ value: container.name, field: `${here}.name` });
      errors.push(...validateContainer(container, volumes, here));
      if (list === "initContainers" && container.restartPolicy !== "Always") {
        for (const probe of ["livenessProbe", "readinessProbe", "startupProbe"] as const) {
          if (container[probe] !== undefined)
            errors.push(
              fieldErrors.forbidden(
                `${here}.${probe}`,
                "may not be set for init containers without restartPolicy=Always",
              ),
            );
        }
        if (container.lifecycle !== undefined)
          errors.push(
            fieldErrors.forbidden(
              `${here}.lifecycle`,
              "may not be set for init containers without restartPolicy=Always",
            ),
          );
      }
    }
  }
  return [...errors, ...duplicates(names.filter(({ value }) => value !== "")), ...hostPortConflicts(spec, path)];
}

function validateContainer(
  container: DeepReadonly<Container>,
  volumes: ReadonlySet<string>,
  path: string,
): FieldError[] {
  const { image = "", ports = [], env = [], volumeMounts = [] } = container;
  const errors = [...named(container.name, dnsLabelErrors, `${path}.name`), ...present(image, `${path}.image`)];
  if (image !== image.trim())
    errors.push(fieldErrors.invalid(`${path}.image`, image, "must not have leading or trailing whitespace"));
  errors.push(...validatePorts(ports, `${path}.ports`));
  for (const [index, variable] of env.entries()) errors.push(...validateEnv(variable, `${path}.env[${index}]`));
  errors.push(...validateMounts(volumeMounts, volumes, `${path}.volumeMounts`));
  for (const name of ["livenessProbe", "readinessProbe", "startupProbe"] as const) {
    const probe = container[name];
    if (probe !== undefined) errors.push(...validateProbe(probe, `${path}.${name}`));
    if (probe?.successThreshold !== undefined && probe.successThreshold !== 1 && name !== "readinessProbe") {
      errors.push(fieldErrors.invalid(`${path}.${name}.successThreshold`, probe.successThreshold, "must be 1"));
    }
  }
  errors.push(...oneOf(container.imagePullPolicy, ["Always", "IfNotPresent", "Never"], `${path}.imagePullPolicy`));
  errors.push(
    ...oneOf(container.terminationMessagePolicy, ["File", "FallbackToLogsOnError"], `${path}.terminationMessagePolicy`),
  );
  if (container.resources !== undefined) errors.push(...validateResources(container.resources, `${path}.resources`));
  return errors;
}

function validatePorts(ports: readonly DeepReadonly<ContainerPort>[], path: string): FieldError[] {
  const errors = ports.flatMap((port, index) => {
    const here = `${path}[${index}]`;
    return [
      ...(port.name
        ? portNameErrors(port.name).map((detail) => fieldErrors.invalid(`${here}.name`, port.name, detail))
        : []),
      ...(port.containerPort === 0
        ? [fieldErrors.required(`${here}.containerPort`)]
        : portNumber(port.containerPort, `${here}.containerPort`)),
      ...(port.hostPort ? portNumber(port.hostPort, `${here}.hostPort`) : []),
      ...oneOf(port.protocol, ["TCP", "UDP", "SCTP"], `${here}.protocol`),
    ];
  });
  const names = ports
    .map((port, index) => ({ value: port.name ?? "", field: `${path}[${index}].name` }))
    .filter(({ value }) => value !== "");
  return [...errors, ...duplicates(names)];
}

function validateEnv(variable: DeepReadonly<EnvVar>, path: string): FieldError[] {
  const errors = named(variable.name, envVarNameErrors, `${path}.name`);
  const source = variable.valueFrom;
  if (source === undefined) return errors;
  const sources = [
    source.fieldRef,
    source.resourceFieldRef,
    source.configMapKeyRef,
    source.secretKeyRef,
    source.fileKeyRef,
  ].filter((part) => part !== undefined);
  if (sources.length === 0) {
    errors.push(
      fieldErrors.invalid(
        `${path}.valueFrom`,
        "",
        "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`",
      ),
    );
  } else if (variable.value) {
    errors.push(fieldErrors.invalid(`${path}.valueFrom`, "", "may not be specified when `value` is not empty"));
  } else if (sources.length > 1) {
    errors.push(fieldErrors.invalid(`${path}.valueFrom`, "", "may not have more than one field specified at a time"));
  }
  for (const name of ["configMapKeyRef", "secretKeyRef"] as const) {
    if (source[name] !== undefined) errors.push(...present(source[name].key, `${path}.valueFrom.${name}.key`));
  }
  return errors;
}

function validateMounts(
  mounts: readonly DeepReadonly<VolumeMount>[],
  volumes: ReadonlySet<string>,
  path: string,
): FieldError[] {
  const seen = new Set<string>();
  return mounts.flatMap((mount, index) => {
    const here = `${path}[${index}]`;
    const errors: FieldError[] = [];
    if (mount.name === "") errors.push(fieldErrors.required(`${here}.name`));
    else if (!volumes.has(mount.name)) errors.push(fieldErrors.notFound(`${here}.name`, mount.name));
    if (mount.mountPath === "") errors.push(fieldErrors.required(`${here}.mountPath`));
    if (seen.has(mount.mountPath))
      errors.push(fieldErrors.invalid(`${here}.mountPath`, mount.mountPath, "must be unique"));
    seen.add(mount.mountPath);
    if (mount.subPath?.startsWith("/"))
      errors.push(fieldErrors.invalid(`${here}.subPath`, mount.subPath, "must be a relative path"));
    if (mount.subPath?.split("/").includes(".."))
      errors.push(fieldErrors.invalid(`${here}.subPath`, mount.subPath, "must not contain '..'"));
    return errors;
  });
}

function validateProbe(probe: DeepReadonly<Probe>, path: string): FieldError[] {
  const handlers = (["exec", "httpGet", "tcpSocket", "grpc"] as const).filter((name) => probe[name] !== undefined);
  const errors: FieldError[] = [];
  if (handlers.length === 0) errors.push(fieldErrors.required(path, "must specify a handler type"));
  for (const name of handlers.slice(1))
    errors.push(fieldErrors.forbidden(`${path}.${name}`, "may not specify more than 1 handler type"));
  if (probe.exec !== undefined && (probe.exec.command ?? []).length === 0)
    errors.push(fieldErrors.required(`${path}.exec.command`));
  if (probe.httpGet !== undefined) {
    errors.push(
      ...present(probe.httpGet.path, `${path}.httpGet.path`),
      ...portNumberOrName(probe.httpGet.port, `${path}.httpGet.port`),
    );
    errors.push(...oneOf(probe.httpGet.scheme, ["HTTP", "HTTPS"], `${path}.httpGet.scheme`));
  }
  if (probe.tcpSocket !== undefined) errors.push(...portNumberOrName(probe.tcpSocket.port, `${path}.tcpSocket.port`));
  if (probe.grpc !== undefined) errors.push(...portNumber(probe.grpc.port, `${path}.grpc.port`));
  for (const name of [
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
  ] as const) {
    errors.push(...notNegative(probe[name], `${path}.${name}`));
  }
  return errors;
}

const standard = new Set(["cpu", "memory", "storage", "ephemeral-storage"]);

export function validateResources(resources: DeepReadonly<ResourceRequirements>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const { limits = {}, requests = {} } = resources;
  for (const [list, amounts] of [
    ["limits", limits],
    ["requests", requests],
  ] as const) {
    for (const [name, amount] of Object.entries(amounts)) {
      const field = `${path}.${list}[${name}]`;
      errors.push(...qualifiedNameErrors(name).map((detail) => fieldErrors.invalid(field, name, detail)));
      if (!name.includes("/") && !standard.has(name) && !name.startsWith("hugepages-")) {
        errors.push(
          fieldErrors.invalid(field, name, "must be a standard resource type or fully qualified"),
          fieldErrors.invalid(field, name, "must be a standard resource for containers"),
        );
      }
      if (parseQuantity(amount).nano < 0n)
        errors.push(fieldErrors.invalid(field, amount, "must be greater than or equal to 0"));
    }
  }
  for (const [name, amount] of Object.entries(requests)) {
    const limit = limits[name];
    const field = `${path}.requests`;
    const extended = !standard.has(name);
    if (limit === undefined) {
      if (extended)
        errors.push(fieldErrors.required(`${path}.limits`, "Limit must be set for non overcommitable resources"));
    } else if (extended && compareQuantities(amount, limit) !== 0)
      errors.push(fieldErrors.invalid(field, amount, `must be equal to ${name} limit of ${limit}`));
    else if (compareQuantities(amount, limit) > 0)
      errors.push(fieldErrors.invalid(field, amount, `must be less than or equal to ${name} limit of ${limit}`));
  }
  return errors;
}

function hostPortConflicts(spec: DeepReadonly<PodSpec>, path: string): FieldError[] {
  const used = spec.containers.flatMap((container, index) =>
    (container.ports ?? []).flatMap((port, at) =>
      port.hostPort
        ? [
            {
              value: `${port.protocol ?? "TCP"}/${port.hostIP ?? ""}/${port.hostPort}`,
              field: `${path}.containers[${index}].ports[${at}].hostPort`,
            },
          ]
        : [],
    ),
  );
  return duplicates(used);
}
