/** Validation of ingresses and their classes. */
import {
  type DeepReadonly,
  dns1035LabelErrors,
  dnsLabelErrors,
  dnsSubdomainErrors,
  type FieldError,
  fieldErrors,
  parseIp,
  pathSegmentErrors,
  portNameErrors,
  wildcardDnsErrors,
} from "@coxswain/apimachinery";
import { ipAddress } from "../../validation/addresses.ts";
import { unchanged } from "../../validation/metadata.ts";
import { domainPrefixedPath, named, portNumber, wrong } from "../../validation/values.ts";
import type { HTTPIngressPath, Ingress, IngressBackend, IngressClass, IngressRule, IngressSpec } from "./types.ts";

const { invalid, required, notSupported, forbidden, tooLong } = fieldErrors;
const classAnnotation = "kubernetes.io/ingress.class";

export function validateIngress(ingress: DeepReadonly<Ingress>): FieldError[] {
  const errors = validateIngressObject(ingress);
  const [annotation, name] = [ingress.metadata.annotations?.[classAnnotation], ingress.spec?.ingressClassName];
  if (annotation !== undefined && name !== undefined && annotation !== name) {
    const words = "must match `ingressClassName` when both are specified";
    errors.push(invalid(`annotations.${classAnnotation}`, annotation, words));
  }
  return errors;
}

/** What also holds of a changed one. */
export function validateIngressObject(ingress: DeepReadonly<Ingress>): FieldError[] {
  const spec: DeepReadonly<IngressSpec> = ingress.spec ?? {};
  const { rules = [], defaultBackend, tls = [], ingressClassName } = spec;
  const errors: FieldError[] = [];
  if (rules.length === 0 && defaultBackend === undefined)
    errors.push(invalid("spec", spec.rules, "either `defaultBackend` or `rules` must be specified"));
  if (defaultBackend !== undefined) errors.push(...validateBackend(defaultBackend, "spec.defaultBackend"));
  for (const [index, rule] of rules.entries()) errors.push(...validateRule(rule, `spec.rules[${index}]`));
  for (const [index, { hosts = [], secretName = "" }] of tls.entries()) {
    for (const [at, host] of hosts.entries()) errors.push(...hostName(host, `spec.tls[${index}].hosts[${at}]`));
    if (secretName !== "")
      errors.push(...wrong(`spec.tls[${index}].secretName`, secretName, dnsSubdomainErrors(secretName)));
  }
  if (ingressClassName !== undefined)
    errors.push(...wrong("spec.ingressClassName", ingressClassName, dnsSubdomainErrors(ingressClassName)));
  return errors;
}

function hostName(host: string, field: string): FieldError[] {
  return wrong(field, host, host.includes("*") ? wildcardDnsErrors(host) : dnsSubdomainErrors(host));
}

function validateRule(rule: DeepReadonly<IngressRule>, path: string): FieldError[] {
  const { host = "", http } = rule;
  const errors: FieldError[] = [];
  if (host !== "") {
    if (parseIp(host) !== undefined)
      errors.push(invalid(`${path}.host`, host, "must be a DNS name, not an IP address"));
    errors.push(...hostName(host, `${path}.host`));
  }
  if (http === undefined) return errors;
  if (http.paths.length === 0) errors.push(required(`${path}.http.paths`));
  return [...errors, ...http.paths.flatMap((part, index) => validatePath(part, `${path}.http.paths[${index}]`))];
}

function validatePath(part: DeepReadonly<HTTPIngressPath>, path: string): FieldError[] {
  const { path: target = "" } = part;
  const type: string | undefined = part.pathType;
  if (type === undefined) return [required(`${path}.pathType`, "pathType must be specified")];
  const errors: FieldError[] = [];
  const problem = (detail: string): void => void errors.push(invalid(`${path}.path`, target, detail));
  if (type === "Exact" || type === "Prefix") {
    if (!target.startsWith("/")) problem("must be an absolute path");
    for (const sequence of ["//", "/./", "/../", "%2f", "%2F"])
      if (target.includes(sequence)) problem(`must not contain '${sequence}'`);
    for (const suffix of ["/..", "/."]) if (target.endsWith(suffix)) problem(`cannot end with '${suffix}'`);
  } else if (type === "ImplementationSpecific") {
    if (target !== "" && !target.startsWith("/")) problem("must be an absolute path");
  } else errors.push(notSupported(`${path}.pathType`, type, ["Exact", "ImplementationSpecific", "Prefix"]));
  return [...errors, ...validateBackend(part.backend, `${path}.backend`)];
}

function validateBackend({ service, resource }: DeepReadonly<IngressBackend>, path: string): FieldError[] {
  if (service !== undefined && resource !== undefined)
    return [invalid(path, "", "cannot set both resource and service backends")];
  if (resource !== undefined) return validateReference(resource, `${path}.resource`);
  if (service === undefined) return [invalid(path, "", "resource or service backend is required")];
  const errors = named(service.name, dns1035LabelErrors, `${path}.service.name`);
  const { name = "", number = 0 } = service.port ?? {};
  if (name !== "" && number !== 0) errors.push(invalid(path, "", "cannot set both port name & port number"));
  else if (name !== "") errors.push(...wrong(`${path}.service.port.name`, name, portNameErrors(name)));
  else if (number !== 0) errors.push(...portNumber(number, `${path}.service.port.number`));
  else errors.push(required(path, "port name or number is required"));
  return errors;
}

interface Reference {
  readonly apiGroup?: string | undefined;
  readonly kind: string;
  readonly name: string;
}

function validateReference({ apiGroup, kind, name }: Reference, path: string): FieldError[] {
  return [
    ...(apiGroup === undefined ? [] : wrong(`${path}.apiGroup`, apiGroup, dnsSubdomainErrors(apiGroup))),
    ...(kind === ""
      ? [required(`${path}.kind`, "kind is required")]
      : wrong(`${path}.kind`, kind, pathSegmentErrors(kind))),
    ...(name === ""
      ? [required(`${path}.name`, "name is required")]
      : wrong(`${path}.name`, name, pathSegmentErrors(name))),
  ];
}

export function validateIngressStatus(next: DeepReadonly<Ingress>): FieldError[] {
  return (next.status?.loadBalancer?.ingress ?? []).flatMap(({ ip = "", hostname = "" }, index) => {
    const here = `status.loadBalancer.ingress[${index}]`;
    const errors = ip === "" ? [] : ipAddress(ip, `${here}.ip`);
    if (hostname === "") return errors;
    errors.push(...wrong(`${here}.hostname`, hostname, dnsSubdomainErrors(hostname)));
    return parseIp(hostname) === undefined
      ? errors
      : [...errors, invalid(`${here}.hostname`, hostname, "must be a DNS name, not an IP address")];
  });
}

export function validateIngressClass(ingressClass: DeepReadonly<IngressClass>): FieldError[] {
  const { controller = "", parameters } = ingressClass.spec ?? {};
  const errors = domainPrefixedPath(controller, "spec.controller");
  if (controller.length > 250) errors.unshift(tooLong("spec.controller", "", 250));
  if (parameters === undefined) return errors;
  const path = "spec.parameters";
  errors.push(...validateReference(parameters, path));
  const { scope, namespace } = parameters;
  if (scope === undefined) return [...errors, required(`${path}.scope`)];
  if (scope !== "Cluster" && scope !== "Namespace")
    return [...errors, notSupported(`${path}.scope`, scope, ["Cluster", "Namespace"])];
  const field = `${path}.namespace`;
  if (scope === "Cluster")
    return namespace === undefined ? errors : [...errors, forbidden(field, "`parameters.scope` is set to 'Cluster'")];
  return namespace === undefined
    ? [...errors, required(field, "`parameters.scope` is set to 'Namespace'")]
    : [...errors, ...wrong(field, namespace, dnsLabelErrors(namespace))];
}

export function fixedController(next: DeepReadonly<IngressClass>, old: DeepReadonly<IngressClass>): FieldError[] {
  return unchanged(next.spec?.controller, old.spec?.controller, "spec.controller");
}
