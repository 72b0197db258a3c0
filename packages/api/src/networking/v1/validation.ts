/** The rules of networking.k8s.io, with those of its two small kinds. */
import {
  type DeepReadonly,
  dnsSubdomainErrors,
  type FieldError,
  fieldErrors,
  parseIp,
  pathSegmentErrors,
} from "@coxswain/apimachinery";
import { ipRange, isDualStack } from "../../validation/addresses.ts";
import { unchanged } from "../../validation/metadata.ts";
import { type RuleTable, withUpdate } from "../../validation/rules.ts";
import { named, wrong } from "../../validation/values.ts";
import {
  fixedController,
  validateIngress,
  validateIngressClass,
  validateIngressObject,
  validateIngressStatus,
} from "./ingress-validation.ts";
import { validateNetworkPolicy } from "./network-policy-validation.ts";
import type { IPAddress, ServiceCIDR } from "./types.ts";

const { invalid, required } = fieldErrors;

const addressName = (name: string): string[] =>
  parseIp(name) === undefined ? ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"] : [];

function validateIpAddress(address: DeepReadonly<IPAddress>): FieldError[] {
  const parent: DeepReadonly<IPAddress>["spec"]["parentRef"] | undefined = address.spec.parentRef;
  const path = "spec.parentRef";
  if (parent === undefined) return [required(path)];
  const { group = "", namespace = "" } = parent;
  return [
    ...(group === "" ? [] : wrong(`${path}.group`, group, dnsSubdomainErrors(group))),
    ...named(parent.resource, pathSegmentErrors, `${path}.resource`),
    ...named(parent.name, pathSegmentErrors, `${path}.name`),
    ...wrong(`${path}.namespace`, namespace, namespace === "" ? [] : pathSegmentErrors(namespace)),
  ];
}

function validateServiceCidr(range: DeepReadonly<ServiceCIDR>): FieldError[] {
  const cidrs = range.spec?.cidrs ?? [];
  const path = "spec.cidrs";
  if (cidrs.length === 0) return [required(path, "at least one CIDR required")];
  if (cidrs.length > 2) return [invalid(path, range.spec, "may only hold up to 2 values")];
  const errors =
    cidrs.length > 1 && !isDualStack(cidrs)
      ? [
          invalid(
            path,
            range.spec,
            "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64",
          ),
        ]
      : [];
  return [...errors, ...cidrs.flatMap((cidr, index) => ipRange(cidr, `${path}[${index}]`))];
}

function validateServiceCidrUpdate(next: DeepReadonly<ServiceCIDR>, old: DeepReadonly<ServiceCIDR>): FieldError[] {
  const [cidrs, before] = [next.spec?.cidrs ?? [], old.spec?.cidrs ?? []];
  const path = "spec.cidrs";
  if (before.length === cidrs.length) return unchanged(cidrs, before, path);
  if (before.length > cidrs.length) return [invalid(path, cidrs, "field is immutable")];
  const errors = cidrs[0] === before[0] ? [] : [invalid(`${path}[0]`, cidrs[0], "field is immutable")];
  return [...errors, ...validateServiceCidr(next)];
}

export const networkingRules: RuleTable = {
  "networking/v1.Ingress": {
    object: validateIngress,
    update: validateIngressObject,
    subresources: { status: validateIngressStatus },
  },
  "networking/v1.IngressClass": withUpdate(validateIngressClass, fixedController),
  "networking/v1.NetworkPolicy": { object: validateNetworkPolicy },
  "networking/v1.IPAddress": {
    name: addressName,
    object: validateIpAddress,
    update: (next: DeepReadonly<IPAddress>, old: DeepReadonly<IPAddress>) =>
      unchanged(next.spec.parentRef, old.spec.parentRef, "spec.parentRef"),
  },
  "networking/v1.ServiceCIDR": { object: validateServiceCidr, update: validateServiceCidrUpdate },
};
