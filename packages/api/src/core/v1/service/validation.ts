/** Validation of services. Whether an address or node port is free is found out when it is allocated, not here. */
import {
  type DeepReadonly,
  dnsLabelErrors,
  dnsSubdomainErrors,
  type FieldError,
  fieldErrors,
} from "@coxswain/apimachinery";
import type { Service } from "../types.ts";
import { validateLabels } from "../../../validation/metadata.ts";
import { duplicates, named, oneOf, portNumber, portNumberOrName } from "../../../validation/values.ts";

export function validateService(service: DeepReadonly<Service>): FieldError[] {
  const spec = service.spec ?? {};
  const ports = spec.ports ?? [];
  const headless = spec.clusterIP === "None" || spec.clusterIPs?.[0] === "None";
  const errors: FieldError[] = [];
  if (ports.length === 0 && !headless && spec.type !== "ExternalName") errors.push(fieldErrors.required("spec.ports"));
  if (spec.type === "ExternalName") {
    const name = (spec.externalName ?? "").replace(/\.$/, "");
    if (name === "") errors.push(fieldErrors.required("spec.externalName"));
    else errors.push(...named(name, dnsSubdomainErrors, "spec.externalName"));
    if (spec.clusterIP && spec.clusterIP !== "None")
      errors.push(fieldErrors.forbidden("spec.clusterIPs", "may not be set for ExternalName services"));
  }
  if (spec.type === "LoadBalancer" && headless)
    errors.push(
      fieldErrors.invalid("spec.clusterIPs[0]", "None", "may not be set to 'None' for LoadBalancer services"),
    );
  if (spec.type === "NodePort" && headless)
    errors.push(fieldErrors.invalid("spec.clusterIPs[0]", "None", "may not be set to 'None' for NodePort services"));
  for (const [index, port] of ports.entries()) {
    const path = `spec.ports[${index}]`;
    if (ports.length > 1 && !port.name) errors.push(fieldErrors.required(`${path}.name`));
    else if (port.name) errors.push(...named(port.name, dnsLabelErrors, `${path}.name`));
    errors.push(
      ...portNumber(port.port, `${path}.port`),
      ...oneOf(port.protocol, ["TCP", "UDP", "SCTP"], `${path}.protocol`),
    );
    if (port.targetPort !== undefined) errors.push(...portNumberOrName(port.targetPort, `${path}.targetPort`));
    if (port.nodePort && spec.type === "ClusterIP") {
      errors.push(fieldErrors.forbidden(`${path}.nodePort`, "may not be used when `type` is 'ClusterIP'"));
    }
  }
  errors.push(
    ...duplicates(
      ports.flatMap(({ name }, index) => (name ? [{ value: name, field: `spec.ports[${index}].name` }] : [])),
    ),
  );
  errors.push(...duplicatePorts(ports));
  errors.push(...validateLabels(spec.selector, "spec.selector"));
  errors.push(...oneOf(spec.sessionAffinity, ["ClientIP", "None"], "spec.sessionAffinity"));
  errors.push(...oneOf(spec.type, ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"], "spec.type"));
  for (const [index, address] of (spec.externalIPs ?? []).entries()) {
    if (!/^[0-9a-fA-F:.]+$/.test(address)) {
      errors.push(
        fieldErrors.invalid(
          `spec.externalIPs[${index}]`,
          address,
          "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
        ),
      );
    }
  }
  if (spec.internalTrafficPolicy)
    errors.push(...oneOf(spec.internalTrafficPolicy, ["Cluster", "Local"], "spec.internalTrafficPolicy"));
  if (spec.externalTrafficPolicy)
    errors.push(...oneOf(spec.externalTrafficPolicy, ["Cluster", "Local"], "spec.externalTrafficPolicy"));
  return errors;
}

export function validateServiceUpdate(next: DeepReadonly<Service>, old: DeepReadonly<Service>): FieldError[] {
  const errors: FieldError[] = [];
  const [type, oldType] = [next.spec?.type, old.spec?.type];
  if (type !== "ExternalName" && oldType !== "ExternalName") {
    const [address, before] = [
      next.spec?.clusterIPs?.[0] ?? next.spec?.clusterIP ?? "",
      old.spec?.clusterIPs?.[0] ?? old.spec?.clusterIP ?? "",
    ];
    if (before !== "" && address !== before)
      errors.push(fieldErrors.invalid("spec.clusterIPs[0]", address, "may not change once set"));
  }
  return errors;
}

function duplicatePorts(ports: DeepReadonly<NonNullable<NonNullable<Service["spec"]>["ports"]>>): FieldError[] {
  const seen = new Set<string>();
  return ports.flatMap(({ port, protocol }, index) => {
    const key = `${protocol ?? "TCP"}/${port}`;
    if (!seen.has(key)) {
      seen.add(key);
      return [];
    }
    return [fieldErrors.duplicate(`spec.ports[${index}]`, { port, protocol })];
  });
}
