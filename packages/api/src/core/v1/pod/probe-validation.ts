/** Validation of probes and of what runs when a container starts or stops. */
import { type DeepReadonly, type FieldError, fieldErrors, httpHeaderErrors } from "@coxswain/apimachinery";
import { notNegative, portNumber, portNumberOrName, present, wrong } from "../../../validation/values.ts";
import type { Container, Lifecycle, LifecycleHandler, Probe, ProbeHandler } from "../types.ts";
import { stopSignals } from "./stop-signals.ts";

const { invalid, required, notSupported, forbidden } = fieldErrors;
type Handler = DeepReadonly<ProbeHandler & LifecycleHandler>;

/** Lifecycle and the three probes, as regular containers and sidecars have them. */
export function validateHooks(
  container: DeepReadonly<Container>,
  grace: number | undefined,
  os: string,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (container.lifecycle !== undefined)
    errors.push(...validateLifecycle(container.lifecycle, grace, os, `${path}.lifecycle`));
  for (const name of ["livenessProbe", "readinessProbe", "startupProbe"] as const) {
    const probe = container[name];
    if (probe === undefined) continue;
    const here = `${path}.${name}`;
    errors.push(...validateProbe(probe, grace, here));
    const period = probe.terminationGracePeriodSeconds;
    if (name === "readinessProbe") {
      if (period !== undefined)
        errors.push(invalid(`${here}.terminationGracePeriodSeconds`, period, "must not be set for readinessProbes"));
    } else if (probe.successThreshold !== 1)
      errors.push(invalid(`${here}.successThreshold`, probe.successThreshold ?? 0, "must be 1"));
  }
  return errors;
}

function validateProbe(probe: DeepReadonly<Probe>, grace: number | undefined, path: string): FieldError[] {
  const errors = validateHandler(probe, ["exec", "httpGet", "tcpSocket", "grpc"], grace, path);
  for (const name of [
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
  ] as const)
    errors.push(...notNegative(probe[name], `${path}.${name}`));
  const period = probe.terminationGracePeriodSeconds;
  if (period !== undefined && period <= 0)
    errors.push(invalid(`${path}.terminationGracePeriodSeconds`, period, "must be greater than 0"));
  return errors;
}

function validateLifecycle(
  lifecycle: DeepReadonly<Lifecycle>,
  grace: number | undefined,
  os: string,
  path: string,
): FieldError[] {
  const kinds = ["exec", "httpGet", "tcpSocket", "sleep"] as const;
  const errors = (["postStart", "preStop"] as const).flatMap((name) =>
    lifecycle[name] === undefined ? [] : validateHandler(lifecycle[name], kinds, grace, `${path}.${name}`),
  );
  const signal = lifecycle.stopSignal;
  if (signal === undefined) return errors;
  const field = `${path}.stopSignal`;
  if (os === "") errors.push(forbidden(field, "may not be set for containers with empty `spec.os.name`"));
  else if (os === "windows") {
    if (signal !== "SIGTERM" && signal !== "SIGKILL") errors.push(notSupported(field, signal, ["SIGKILL", "SIGTERM"]));
  } else if (!stopSignals.includes(signal)) errors.push(notSupported(field, signal, stopSignals));
  return errors;
}

function validateHandler(
  handler: Handler,
  kinds: readonly (keyof ProbeHandler | keyof LifecycleHandler)[],
  grace: number | undefined,
  path: string,
): FieldError[] {
  const [first, ...others] = kinds.filter((name) => handler[name] !== undefined);
  if (first === undefined) return [required(path, "must specify a handler type")];
  return [
    ...validateAction(handler, first, grace, `${path}.${first}`),
    ...others.map((name) => forbidden(`${path}.${name}`, "may not specify more than 1 handler type")),
  ];
}

function validateAction(handler: Handler, kind: string, grace: number | undefined, path: string): FieldError[] {
  const { exec, httpGet, tcpSocket, grpc, sleep } = handler;
  if (kind === "exec") return (exec?.command ?? []).length === 0 ? [required(`${path}.command`)] : [];
  if (kind === "tcpSocket") return portNumberOrName(tcpSocket?.port ?? 0, `${path}.port`);
  if (kind === "grpc") return portNumber(grpc?.port, `${path}.port`);
  if (kind === "httpGet" && httpGet !== undefined) {
    const { scheme = "" } = httpGet;
    const errors = [...present(httpGet.path, `${path}.path`), ...portNumberOrName(httpGet.port, `${path}.port`)];
    if (scheme !== "HTTP" && scheme !== "HTTPS") errors.push(notSupported(`${path}.scheme`, scheme, ["HTTP", "HTTPS"]));
    for (const { name } of httpGet.httpHeaders ?? [])
      errors.push(...wrong(`${path}.httpHeaders`, name, httpHeaderErrors(name)));
    return errors;
  }
  const seconds = sleep?.seconds ?? 0;
  return grace !== undefined && (seconds < 0 || seconds > grace)
    ? [invalid(path, seconds, `must be non-negative and less than terminationGracePeriodSeconds (${grace})`)]
    : [];
}
