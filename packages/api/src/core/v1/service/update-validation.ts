/** Validation of changes of services, and of what their status says about load balancers. */
import { type DeepReadonly, dnsSubdomainErrors, type FieldError, fieldErrors, parseIp } from "@coxswain/apimachinery";
import { ipAddress } from "../../../validation/addresses.ts";
import { wrong } from "../../../validation/values.ts";
import type { Service } from "../types.ts";
import { validateAddressUpdate } from "./address-validation.ts";
import { needsHealthCheck, validateLoadBalancerClass, validateService } from "./validation.ts";

const { invalid, required, notSupported, forbidden } = fieldErrors;

export function validateServiceUpdate(next: DeepReadonly<Service>, old: DeepReadonly<Service>): FieldError[] {
  const [spec, before] = [next.spec ?? {}, old.spec ?? {}];
  const errors = validateAddressUpdate(spec, before);
  const areBalanced = spec.type === "LoadBalancer" && before.type === "LoadBalancer";
  if (areBalanced && spec.loadBalancerClass !== before.loadBalancerClass)
    errors.push(invalid("spec.loadBalancerClass", spec.loadBalancerClass, "may not change once set"));
  errors.push(...validateLoadBalancerClass(spec));
  const isAsked = needsHealthCheck(spec) && needsHealthCheck(before);
  if (isAsked && spec.healthCheckNodePort !== before.healthCheckNodePort)
    errors.push(forbidden("spec.healthCheckNodePort", "field is immutable"));
  return [...errors, ...validateService(next)];
}

export function validateServiceStatus(next: DeepReadonly<Service>): FieldError[] {
  const path = "status.loadBalancer.ingress";
  const ingress = next.status?.loadBalancer?.ingress ?? [];
  if (next.spec?.type !== "LoadBalancer")
    return ingress.length > 0 ? [forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")] : [];
  return ingress.flatMap(({ ip = "", ipMode, hostname = "" }, index) => {
    const here = `${path}[${index}]`;
    const errors = ip === "" ? [] : ipAddress(ip, `${here}.ip`);
    if (ipMode === undefined) {
      if (ip !== "") errors.push(required(`${here}.ipMode`, "must be specified when `ip` is set"));
    } else if (ip === "") errors.push(forbidden(`${here}.ipMode`, "may not be specified when `ip` is not set"));
    else if (ipMode !== "Proxy" && ipMode !== "VIP")
      errors.push(notSupported(`${here}.ipMode`, ipMode, ["Proxy", "VIP"]));
    if (hostname === "") return errors;
    errors.push(...wrong(`${here}.hostname`, hostname, dnsSubdomainErrors(hostname)));
    return parseIp(hostname) === undefined
      ? errors
      : [...errors, invalid(`${here}.hostname`, hostname, "must be a DNS name, not an IP address")];
  });
}
