/** Validation of services. Whether an address or node port is free is found out when it is allocated, not here. */
import { type DeepReadonly, type FieldError, fieldErrors } from "@coxswain/apimachinery";
import { ipAddress, ipRange, nonSpecialAddress } from "../../../validation/addresses.ts";
import { validateLabels } from "../../../validation/metadata.ts";
import {
  dnsLabel,
  dnsSubdomain,
  oneOf,
  portNumber,
  portNumberOrName,
  qualifiedName,
  supported,
} from "../../../validation/values.ts";
import type { Service, ServicePort, ServiceSpec } from "../types.ts";
import { isHeadless, validateAddresses } from "./address-validation.ts";

const { invalid, required, notSupported, forbidden, duplicate } = fieldErrors;
type Spec = DeepReadonly<ServiceSpec>;

const sourceRanges = "service.beta.kubernetes.io/load-balancer-source-ranges";
const loadBalancersOnly = "may only be used when `type` is 'LoadBalancer'";

export function validateService(service: DeepReadonly<Service>): FieldError[] {
  const spec = service.spec ?? {};
  const { ports = [], type = "" } = spec;
  const errors = validateTopologyAnnotations(service);
  if (ports.length === 0 && !isHeadless(spec) && type !== "ExternalName") errors.push(required("spec.ports"));
  errors.push(...validateType(spec));
  const names = new Set<string>();
  for (const [index, port] of ports.entries())
    errors.push(...validatePort(port, ports.length > 1, names, `spec.ports[${index}]`));
  errors.push(...validateLabels(spec.selector, "spec.selector"));
  errors.push(...validateAffinity(spec));
  errors.push(...validateAddresses(spec));
  for (const [index, ip] of (spec.externalIPs ?? []).entries()) {
    const problems = ipAddress(ip, `spec.externalIPs[${index}]`);
    errors.push(...(problems.length > 0 ? problems : nonSpecialAddress(ip, `spec.externalIPs[${index}]`)));
  }
  errors.push(...oneOf(type, ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"], "spec.type"));
  errors.push(...validatePortNumbers(ports, type), ...validateLoadBalancer(service));
  return [...errors, ...validateTraffic(spec)];
}

function validateTopologyAnnotations({ metadata: { annotations = {} } }: DeepReadonly<Service>): FieldError[] {
  const [hints, mode] = ["service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode"] as const;
  const [old, next] = [annotations[hints], annotations[mode]];
  return old !== undefined && next !== undefined && old !== next
    ? [invalid(`metadata.annotations[${mode}]`, next, `must match annotations[${hints}] when both are specified`)]
    : [];
}

function validateType(spec: Spec): FieldError[] {
  const { type = "" } = spec;
  if ((type === "LoadBalancer" || type === "NodePort") && isHeadless(spec))
    return [invalid("spec.clusterIPs[0]", "None", `may not be set to 'None' for ${type} services`)];
  if (type !== "ExternalName") return [];
  const words = "may not be set for ExternalName services";
  const errors: FieldError[] = [];
  if ((spec.clusterIPs ?? []).length > 0) errors.push(forbidden("spec.clusterIPs", words));
  if ((spec.ipFamilies ?? []).length > 0) errors.push(forbidden("spec.ipFamilies", words));
  if (spec.ipFamilyPolicy !== undefined) errors.push(forbidden("spec.ipFamilyPolicy", words));
  const name = (spec.externalName ?? "").replace(/\.$/, "");
  return [...errors, ...(name === "" ? [required("spec.externalName")] : dnsSubdomain(name, "spec.externalName"))];
}

function validatePort(
  port: DeepReadonly<ServicePort>,
  isNamed: boolean,
  names: Set<string>,
  path: string,
): FieldError[] {
  const { name = "", targetPort, appProtocol } = port;
  const errors: FieldError[] = [];
  if (name === "") {
    if (isNamed) errors.push(required(`${path}.name`));
  } else {
    errors.push(...dnsLabel(name, `${path}.name`));
    if (names.has(name)) errors.push(duplicate(`${path}.name`, name));
    names.add(name);
  }
  errors.push(...portNumber(port.port, `${path}.port`));
  errors.push(...oneOf(port.protocol, ["SCTP", "TCP", "UDP"], `${path}.protocol`));
  errors.push(...portNumberOrName(targetPort ?? 0, `${path}.targetPort`));
  return appProtocol === undefined ? errors : [...errors, ...qualifiedName(appProtocol, `${path}.appProtocol`)];
}

function validateAffinity(spec: Spec): FieldError[] {
  const { sessionAffinity: affinity = "", sessionAffinityConfig: config } = spec;
  const path = "spec.sessionAffinityConfig";
  const errors = oneOf(affinity, ["ClientIP", "None"], "spec.sessionAffinity");
  if (affinity === "None" && config !== undefined)
    errors.push(forbidden(path, "must not be set when session affinity is None"));
  if (affinity !== "ClientIP") return errors;
  const words = "when session affinity type is ClientIP";
  if (config === undefined) return [...errors, required(path, words)];
  if (config.clientIP === undefined) return [...errors, required(`${path}.clientIP`, words)];
  const seconds = config.clientIP.timeoutSeconds;
  const field = `${path}.clientIP.timeoutSeconds`;
  if (seconds === undefined) return [...errors, required(field, words)];
  return seconds <= 0 || seconds > 86400
    ? [...errors, invalid(field, seconds, "must be greater than 0 and less than 86400")]
    : errors;
}

function validatePortNumbers(ports: readonly DeepReadonly<ServicePort>[], type: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [index, { nodePort }] of ports.entries())
    if (nodePort && type === "ClusterIP")
      errors.push(forbidden(`spec.ports[${index}].nodePort`, "may not be used when `type` is 'ClusterIP'"));
  const seen = new Set<string>();
  for (const [index, { nodePort, protocol }] of ports.entries()) {
    const key = `node/${protocol}/${nodePort}`;
    if (nodePort && seen.has(key)) errors.push(duplicate(`spec.ports[${index}].nodePort`, nodePort));
    seen.add(key);
  }
  for (const [index, { port, protocol }] of ports.entries()) {
    const key = `${protocol}/${port}`;
    const shown = { Name: "", Protocol: protocol, AppProtocol: null, Port: port, TargetPort: 0, NodePort: 0 };
    if (seen.has(key)) errors.push(duplicate(`spec.ports[${index}]`, shown));
    seen.add(key);
  }
  return errors;
}

function validateLoadBalancer({ spec = {}, metadata }: DeepReadonly<Service>): FieldError[] {
  const errors: FieldError[] = [];
  const isLoadBalancer = spec.type === "LoadBalancer";
  const ranges = spec.loadBalancerSourceRanges ?? [];
  const annotation = metadata.annotations?.[sourceRanges];
  if (ranges.length > 0) {
    const field = "spec.LoadBalancerSourceRanges";
    if (!isLoadBalancer) errors.push(forbidden(field, loadBalancersOnly));
    for (const [index, range] of ranges.entries()) errors.push(...ipRange(range.trim(), `${field}[${index}]`));
  } else if (annotation !== undefined) {
    const field = `metadata.annotations[${sourceRanges}]`;
    if (!isLoadBalancer) errors.push(forbidden(field, loadBalancersOnly));
    if (annotation.trim() !== "")
      for (const range of annotation.split(",")) errors.push(...ipRange(range.trim(), field));
  }
  const allocates = spec.allocateLoadBalancerNodePorts;
  if (allocates !== undefined && !isLoadBalancer)
    errors.push(forbidden("spec.allocateLoadBalancerNodePorts", loadBalancersOnly));
  if (allocates === undefined && isLoadBalancer) errors.push(required("allocateLoadBalancerNodePorts"));
  return [...errors, ...validateLoadBalancerClass(spec)];
}

export function validateLoadBalancerClass(spec: Spec): FieldError[] {
  const own = spec.loadBalancerClass;
  if (own === undefined) return [];
  return spec.type === "LoadBalancer"
    ? qualifiedName(own, "spec.loadBalancerClass")
    : [forbidden("spec.loadBalancerClass", loadBalancersOnly)];
}

/** Only load balancers that send to local endpoints are asked for their health. */
export const needsHealthCheck = (spec: Spec): boolean =>
  spec.type === "LoadBalancer" && spec.externalTrafficPolicy === "Local";

function validateTraffic(spec: Spec): FieldError[] {
  const { externalTrafficPolicy: external = "", internalTrafficPolicy: internal, type = "" } = spec;
  const health = spec.healthCheckNodePort ?? 0;
  const isReachable =
    type === "LoadBalancer" || type === "NodePort" || (type === "ClusterIP" && (spec.externalIPs ?? []).length > 0);
  const errors: FieldError[] = [];
  const field = "spec.externalTrafficPolicy";
  if (isReachable) errors.push(...oneOf(external, ["Cluster", "Local"], field));
  else if (external !== "") errors.push(invalid(field, external, "may only be set for externally-accessible services"));
  if (needsHealthCheck(spec))
    errors.push(
      ...(health === 0 ? [required("spec.healthCheckNodePort")] : portNumber(health, "spec.healthCheckNodePort")),
    );
  else if (health !== 0) {
    const words = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
    errors.push(invalid("spec.healthCheckNodePort", health, words));
  }
  if (internal === undefined && type !== "ExternalName" && type !== "")
    errors.push(required("spec.internalTrafficPolicy"));
  errors.push(...supported(internal, ["Cluster", "Local"], "spec.internalTrafficPolicy"));
  const spread = ["PreferClose", "PreferSameNode", "PreferSameZone"];
  const distribution = spec.trafficDistribution;
  return distribution === undefined || spread.includes(distribution)
    ? errors
    : [...errors, notSupported("spec.trafficDistribution", distribution, spread)];
}
