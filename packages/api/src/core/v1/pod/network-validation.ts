/** Validation of a pod's network: resolution of names, aliases of hosts, ports in the host's network. */
import {
  type DeepReadonly,
  dnsSubdomainWithUnderscoreErrors,
  type FieldError,
  fieldErrors,
} from "@coxswain/apimachinery";
import { ipAddress } from "../../../validation/addresses.ts";
import { dnsSubdomain, wrong } from "../../../validation/values.ts";
import type { HostAlias, PodSpec } from "../types.ts";

const { invalid, required } = fieldErrors;
const [mostServers, mostSearches, mostSearchText] = [3, 32, 2048];

export function validateDnsConfig(spec: DeepReadonly<PodSpec>, path: string): FieldError[] {
  const config = spec.dnsConfig;
  if (spec.dnsPolicy === "None") {
    if (config === undefined) return [required(path, "must provide `dnsConfig` when `dnsPolicy` is None")];
    if ((config.nameservers ?? []).length === 0)
      return [required(`${path}.nameservers`, "must provide at least one DNS nameserver when `dnsPolicy` is None")];
  }
  const { nameservers = [], searches = [], options = [] } = config ?? {};
  const errors: FieldError[] = [];
  if (nameservers.length > mostServers)
    errors.push(invalid(`${path}.nameservers`, nameservers, `must not have more than ${mostServers} nameservers`));
  for (const [index, server] of nameservers.entries())
    errors.push(...ipAddress(server, `${path}.nameservers[${index}]`));
  if (searches.length > mostSearches)
    errors.push(invalid(`${path}.searches`, searches, `must not have more than ${mostSearches} search paths`));
  if (searches.join(" ").length > mostSearchText) {
    const words = `must not have more than ${mostSearchText} characters (including spaces) in the search list`;
    errors.push(invalid(`${path}.searches`, searches, words));
  }
  for (const [index, given] of searches.entries()) {
    if (given === ".") continue;
    const search = given.replace(/\.$/, "");
    errors.push(...wrong(`${path}.searches[${index}]`, search, dnsSubdomainWithUnderscoreErrors(search)));
  }
  for (const [index, option] of options.entries())
    if (!option.name) errors.push(required(`${path}.options[${index}]`, "must not be empty"));
  return errors;
}

export function validateHostAliases(aliases: readonly DeepReadonly<HostAlias>[], path: string): FieldError[] {
  return aliases.flatMap(({ ip, hostnames = [] }, index) => [
    ...ipAddress(ip, `${path}[${index}].ip`),
    ...hostnames.flatMap((name, at) => dnsSubdomain(name, `${path}[${index}].hostnames[${at}]`)),
  ]);
}

/** In the host's network a port is the host's; templates may leave that to be said later. */
export function validateHostPorts(spec: DeepReadonly<PodSpec>, isPod: boolean, path: string): FieldError[] {
  if (spec.hostNetwork !== true) return [];
  return spec.containers.flatMap((container, index) =>
    (container.ports ?? []).flatMap(({ hostPort = 0, containerPort }, at) =>
      (isPod || hostPort !== 0) && hostPort !== containerPort
        ? [
            invalid(
              `${path}[${index}].ports[${at}].hostPort`,
              hostPort,
              "must match `containerPort` when `hostNetwork` is true",
            ),
          ]
        : [],
    ),
  );
}
