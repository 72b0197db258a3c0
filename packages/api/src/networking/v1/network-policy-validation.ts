/** Validation of network policies. */
import { containsAddress, type DeepReadonly, type FieldError, fieldErrors, parseIpRange } from "@coxswain/apimachinery";
import { ipRange } from "../../validation/addresses.ts";
import { validateLabelSelector } from "../../validation/metadata.ts";
import { portNumber, portNumberOrName, supported } from "../../validation/values.ts";
import type { IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from "./types.ts";

const { invalid, required, notSupported, forbidden } = fieldErrors;

export function validateNetworkPolicy(policy: DeepReadonly<NetworkPolicy>): FieldError[] {
  const { podSelector, ingress = [], egress = [], policyTypes = [] } = policy.spec ?? {};
  const errors = validateLabelSelector(podSelector, "spec.podSelector");
  for (const [index, { ports = [], from = [] }] of ingress.entries())
    errors.push(...validateRule(ports, from, "from", `spec.ingress[${index}]`));
  for (const [index, { ports = [], to = [] }] of egress.entries())
    errors.push(...validateRule(ports, to, "to", `spec.egress[${index}]`));
  if (policyTypes.length > 2)
    return [...errors, invalid("spec.policyTypes", policyTypes, "may not specify more than two policyTypes")];
  for (const [index, type] of policyTypes.entries())
    if (type !== "Ingress" && type !== "Egress")
      errors.push(notSupported(`spec.policyTypes[${index}]`, type, ["Ingress", "Egress"]));
  return errors;
}

function validateRule(
  ports: readonly DeepReadonly<NetworkPolicyPort>[],
  peers: readonly DeepReadonly<NetworkPolicyPeer>[],
  name: string,
  path: string,
): FieldError[] {
  return [
    ...ports.flatMap((port, index) => validatePort(port, `${path}.ports[${index}]`)),
    ...peers.flatMap((peer, index) => validatePeer(peer, `${path}.${name}[${index}]`)),
  ];
}

function validatePort({ protocol, port, endPort }: DeepReadonly<NetworkPolicyPort>, path: string): FieldError[] {
  const errors = supported(protocol, ["TCP", "UDP", "SCTP"], `${path}.protocol`);
  const end = (detail: string): void => {
    if (endPort !== undefined) errors.push(invalid(`${path}.endPort`, endPort, detail));
  };
  if (port === undefined) {
    end("may not be specified when `port` is not specified");
    return errors;
  }
  if (typeof port === "string") end("may not be specified when `port` is non-numeric");
  errors.push(...portNumberOrName(port, `${path}.port`));
  if (typeof port === "string" || endPort === undefined) return errors;
  if (endPort < port) end("must be greater than or equal to `port`");
  return [...errors, ...portNumber(endPort, `${path}.endPort`)];
}

function validatePeer(peer: DeepReadonly<NetworkPolicyPeer>, path: string): FieldError[] {
  const { podSelector, namespaceSelector, ipBlock } = peer;
  const errors = [
    ...validateLabelSelector(podSelector, `${path}.podSelector`),
    ...validateLabelSelector(namespaceSelector, `${path}.namespaceSelector`),
  ];
  if (ipBlock !== undefined) errors.push(...validateBlock(ipBlock, `${path}.ipBlock`));
  const isSelected = podSelector !== undefined || namespaceSelector !== undefined;
  if (!isSelected && ipBlock === undefined) errors.push(required(path, "must specify a peer"));
  if (isSelected && ipBlock !== undefined)
    errors.push(forbidden(path, "may not specify both ipBlock and another peer"));
  return errors;
}

function validateBlock({ cidr, except = [] }: DeepReadonly<IPBlock>, path: string): FieldError[] {
  if (cidr === "") return [required(`${path}.cidr`)];
  const range = parseIpRange(cidr);
  if (range === undefined) return ipRange(cidr, `${path}.cidr`);
  return except.flatMap((text, index) => {
    const field = `${path}.except[${index}]`;
    const part = parseIpRange(text);
    if (part === undefined) return ipRange(text, field);
    return containsAddress(range, part.base) && range.bits < part.bits
      ? []
      : [invalid(field, text, "must be a strict subset of `cidr`")];
  });
}
