/** Validation of endpoints: addresses that can be reached from elsewhere, ports with names when there are several. */
import { type DeepReadonly, dnsSubdomainErrors, type FieldError, fieldErrors } from "@coxswain/apimachinery";
import { ipAddress, nonSpecialAddress } from "../../../validation/addresses.ts";
import { dnsLabel, oneOf, portNumber, qualifiedName, wrong } from "../../../validation/values.ts";
import type { EndpointAddress, EndpointPort, Endpoints } from "../types.ts";

const { required } = fieldErrors;

export function validateEndpoints(endpoints: DeepReadonly<Endpoints>): FieldError[] {
  return (endpoints.subsets ?? []).flatMap((subset, index) => {
    const here = `subsets[${index}]`;
    const { addresses = [], notReadyAddresses = [], ports = [] } = subset;
    return [
      ...(addresses.length + notReadyAddresses.length === 0
        ? [required(here, "must specify `addresses` or `notReadyAddresses`")]
        : []),
      ...addresses.flatMap((address, at) => validateAddress(address, `${here}.addresses[${at}]`)),
      ...notReadyAddresses.flatMap((address, at) => validateAddress(address, `${here}.notReadyAddresses[${at}]`)),
      ...ports.flatMap((port, at) => validatePort(port, ports.length > 1, `${here}.ports[${at}]`)),
    ];
  });
}

function validateAddress(address: DeepReadonly<EndpointAddress>, path: string): FieldError[] {
  const { ip, hostname = "", nodeName } = address;
  return [
    ...ipAddress(ip, `${path}.ip`),
    ...(hostname === "" ? [] : dnsLabel(hostname, `${path}.hostname`)),
    ...(nodeName === undefined ? [] : wrong(`${path}.nodeName`, nodeName, dnsSubdomainErrors(nodeName))),
    ...nonSpecialAddress(ip, `${path}.ip`),
  ];
}

function validatePort(port: DeepReadonly<EndpointPort>, isNamed: boolean, path: string): FieldError[] {
  const { name = "", appProtocol } = port;
  const errors: FieldError[] = [];
  if (name !== "") errors.push(...dnsLabel(name, `${path}.name`));
  else if (isNamed) errors.push(required(`${path}.name`));
  errors.push(...portNumber(port.port, `${path}.port`));
  errors.push(...oneOf(port.protocol, ["SCTP", "TCP", "UDP"], `${path}.protocol`));
  return appProtocol === undefined ? errors : [...errors, ...qualifiedName(appProtocol, `${path}.appProtocol`)];
}
