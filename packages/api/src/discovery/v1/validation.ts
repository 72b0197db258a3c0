/** Validation of endpoint slices. */
import {
  type DeepReadonly,
  dnsSubdomainErrors,
  type FieldError,
  fieldErrors,
  labelValueErrors,
} from "@coxswain/apimachinery";
import { ipAddressOf, nonSpecialAddress } from "../../validation/addresses.ts";
import { unchanged, validateLabels } from "../../validation/metadata.ts";
import { type RuleTable, thenUpdate } from "../../validation/rules.ts";
import { dnsLabel, fullyQualifiedDomainName, oneOf, qualifiedName, supported, wrong } from "../../validation/values.ts";
import type { Endpoint, EndpointPort, EndpointSlice } from "./types.ts";

const { required, tooMany, duplicate } = fieldErrors;
const [mostEndpoints, mostAddresses, mostPorts, mostTopology, mostHints] = [1000, 100, 20_000, 16, 8];

function validateEndpointSlice(slice: DeepReadonly<EndpointSlice>): FieldError[] {
  const { addressType, endpoints = [], ports = [] } = slice;
  return [
    ...oneOf(addressType, ["FQDN", "IPv4", "IPv6"], "addressType"),
    ...(endpoints.length > mostEndpoints
      ? [tooMany("endpoints", endpoints.length, mostEndpoints)]
      : endpoints.flatMap((endpoint, index) => validateEndpoint(endpoint, addressType, `endpoints[${index}]`))),
    ...validatePorts(ports),
  ];
}

function validateEndpoint(endpoint: DeepReadonly<Endpoint>, type: string, path: string): FieldError[] {
  const { addresses, nodeName, deprecatedTopology: topology = {}, hostname, hints } = endpoint;
  const errors: FieldError[] = [];
  if (addresses.length === 0) errors.push(required(`${path}.addresses`, "must contain at least 1 address"));
  else if (addresses.length > mostAddresses) errors.push(tooMany(`${path}.addresses`, addresses.length, mostAddresses));
  for (const [index, address] of addresses.entries()) {
    const field = `${path}.addresses[${index}]`;
    if (type === "FQDN") errors.push(...fullyQualifiedDomainName(address, field));
    else if (type === "IPv4" || type === "IPv6")
      errors.push(...ipAddressOf(type === "IPv4" ? 4 : 6, address, field), ...nonSpecialAddress(address, field));
  }
  if (nodeName !== undefined) errors.push(...wrong(`${path}.nodeName`, nodeName, dnsSubdomainErrors(nodeName)));
  const count = Object.keys(topology).length;
  if (count > mostTopology) errors.push(tooMany(`${path}.deprecatedTopology`, count, mostTopology));
  errors.push(...validateLabels(topology, `${path}.deprecatedTopology`));
  if (hostname !== undefined) errors.push(...dnsLabel(hostname, `${path}.hostname`));
  errors.push(...validateHints(hints?.forZones ?? [], `${path}.hints.forZones`));
  errors.push(...validateHints(hints?.forNodes ?? [], `${path}.hints.forNodes`));
  return errors;
}

function validateHints(hints: readonly { readonly name: string }[], path: string): FieldError[] {
  if (hints.length > mostHints) return [tooMany(path, hints.length, mostHints)];
  const seen = new Set<string>();
  return hints.flatMap(({ name }, index) => {
    const field = `${path}[${index}].name`;
    const errors = seen.has(name) ? [duplicate(field, name)] : [];
    seen.add(name);
    return [...errors, ...wrong(field, name, labelValueErrors(name))];
  });
}

function validatePorts(ports: readonly DeepReadonly<EndpointPort>[]): FieldError[] {
  if (ports.length > mostPorts) return [tooMany("ports", ports.length, mostPorts)];
  const names = new Set<string>();
  return ports.flatMap(({ name = "", protocol, appProtocol }, index) => {
    const here = `ports[${index}]`;
    const errors = name === "" ? [] : dnsLabel(name, `${here}.name`);
    if (names.has(name)) errors.push(duplicate(`${here}.name`, name));
    names.add(name);
    errors.push(
      ...(protocol === undefined
        ? [required(`${here}.protocol`)]
        : supported(protocol, ["SCTP", "TCP", "UDP"], `${here}.protocol`)),
    );
    return appProtocol === undefined ? errors : [...errors, ...qualifiedName(appProtocol, `${here}.appProtocol`)];
  });
}

const fixedType = (next: DeepReadonly<EndpointSlice>, old: DeepReadonly<EndpointSlice>): FieldError[] =>
  unchanged(next.addressType, old.addressType, "addressType");

export const discoveryRules: RuleTable = {
  "discovery/v1.EndpointSlice": thenUpdate(validateEndpointSlice, fixedType),
};
