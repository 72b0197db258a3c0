// The pages of services, endpoints, endpoint slices, ingresses, ingress classes and network policies.
import type { Obj } from "../resource/api.ts";
import { annotations, head, labels, list, num, part, selectorText, str, texts } from "./page.ts";
import type { Page, Part } from "./page.ts";

/** `slices` are the service's endpoint slices. */
export function service(page: Page, object: Obj, slices: readonly Obj[]): void {
  const spec = part(object["spec"]);
  head(page, object);
  labels(page, "Selector", spec["selector"]);
  page.line(0, `Type:\t${str(spec["type"])}`);
  if (spec["ipFamilyPolicy"] !== undefined) page.line(0, `IP Family Policy:\t${str(spec["ipFamilyPolicy"])}`);
  page.line(0, `IP Families:\t${texts(spec["ipFamilies"]).join(",") || "<none>"}`);
  page.line(0, `IP:\t${str(spec["clusterIP"])}`);
  page.line(0, `IPs:\t${texts(spec["clusterIPs"]).join(",") || "<none>"}`);
  if (texts(spec["externalIPs"]).length > 0) page.line(0, `External IPs:\t${texts(spec["externalIPs"]).join(",")}`);
  if (str(spec["loadBalancerIP"]) !== "") page.line(0, `Desired LoadBalancer IP:\t${str(spec["loadBalancerIP"])}`);
  if (str(spec["externalName"]) !== "") page.line(0, `External Name:\t${str(spec["externalName"])}`);
  const balancers = list(part(part(object["status"])["loadBalancer"])["ingress"]);
  if (balancers.length > 0)
    page.line(
      0,
      `LoadBalancer Ingress:\t${balancers.map((each) => str(each["ip"]) + (each["ipMode"] === undefined ? "" : ` (${str(each["ipMode"])})`) || str(each["hostname"])).join(", ")}`,
    );
  for (const port of list(spec["ports"])) {
    const name = str(port["name"]) || "<unset>";
    const protocol = str(port["protocol"]);
    page.line(0, `Port:\t${name}\t${num(port["port"])}/${protocol}`);
    page.line(0, `TargetPort:\t${str(port["targetPort"])}/${protocol}`);
    if (num(port["nodePort"]) > 0) page.line(0, `NodePort:\t${name}\t${num(port["nodePort"])}/${protocol}`);
    page.line(0, `Endpoints:\t${endpointsOf(slices, str(port["name"]))}`);
  }
  page.line(0, `Session Affinity:\t${str(spec["sessionAffinity"])}`);
  if (str(spec["externalTrafficPolicy"]) !== "")
    page.line(0, `External Traffic Policy:\t${str(spec["externalTrafficPolicy"])}`);
  if (str(spec["internalTrafficPolicy"]) !== "")
    page.line(0, `Internal Traffic Policy:\t${str(spec["internalTrafficPolicy"])}`);
  if (num(spec["healthCheckNodePort"]) > 0) page.line(0, `HealthCheck NodePort:\t${num(spec["healthCheckNodePort"])}`);
  if (texts(spec["loadBalancerSourceRanges"]).length > 0)
    page.line(0, `LoadBalancer Source Ranges:\t${texts(spec["loadBalancerSourceRanges"]).join(",")}`);
}

/** The first three ready addresses, and how many more. */
export function endpointsOf(slices: readonly Obj[], name: string): string {
  if (slices.length === 0) return "";
  const ready = slices.flatMap((slice) => {
    const port = list(slice["ports"]).find((each) => str(each["name"]) === name);
    if (port === undefined) return [];
    return list(slice["endpoints"])
      .filter((endpoint) => part(endpoint["conditions"])["ready"] !== false)
      .flatMap((endpoint) =>
        texts(endpoint["addresses"]).map(
          (address) => `${address.includes(":") ? `[${address}]` : address}:${num(port["port"])}`,
        ),
      );
  });
  if (ready.length === 0) return "";
  return `${ready.slice(0, 3).join(",")}${ready.length > 3 ? ` + ${ready.length - 3} more...` : ""}`;
}

export function endpoints(page: Page, object: Obj): void {
  head(page, object);
  page.line(0, "Subsets:");
  for (const subset of list(object["subsets"])) {
    const addresses = (field: string): string =>
      list(subset[field])
        .map((each) => str(each["ip"]))
        .join(",") || "<none>";
    page.line(1, `Addresses:\t${addresses("addresses")}`);
    page.line(1, `NotReadyAddresses:\t${addresses("notReadyAddresses")}`);
    const ports = list(subset["ports"]);
    if (ports.length > 0) {
      page.line(1, "Ports:");
      page.line(2, "Name\tPort\tProtocol");
      page.line(2, "----\t----\t--------");
      for (const port of ports)
        page.line(2, `${str(port["name"]) || "<unset>"}\t${num(port["port"])}\t${str(port["protocol"])}`);
    }
    page.raw("\n");
  }
}

export function endpointSlice(page: Page, object: Obj): void {
  head(page, object);
  page.line(0, `AddressType:\t${str(object["addressType"])}`);
  const ports = list(object["ports"]);
  if (ports.length === 0) page.line(0, "Ports: <unset>");
  else {
    page.raw("Ports:\n  Name\tPort\tProtocol\n  ----\t----\t--------\n");
    for (const port of ports)
      page.line(1, `${str(port["name"]) || "<unset>"}\t${str(port["port"]) || "<unset>"}\t${str(port["protocol"])}`);
  }
  const all = list(object["endpoints"]);
  if (all.length === 0) return page.line(0, "Endpoints: <none>");
  page.line(0, "Endpoints:");
  for (const endpoint of all) {
    const flag = (name: string): string => str(part(endpoint["conditions"])[name]) || "<unset>";
    page.line(1, `- Addresses:\t${texts(endpoint["addresses"]).join(",") || "<none>"}`);
    page.line(2, "Conditions:");
    page.line(3, `Ready:\t${flag("ready")}`);
    page.line(2, `Hostname:\t${str(endpoint["hostname"]) || "<unset>"}`);
    const target = part(endpoint["targetRef"]);
    if (str(target["name"]) !== "") page.line(2, `TargetRef:\t${str(target["kind"])}/${str(target["name"])}`);
    page.line(2, `NodeName:\t${str(endpoint["nodeName"]) || "<unset>"}`);
    page.line(2, `Zone:\t${str(endpoint["zone"]) || "<unset>"}`);
  }
}

/** `reach` says which addresses stand behind a service's port. */
export function ingress(page: Page, object: Obj, reach: (service: string, port: string) => string): void {
  const spec = part(object["spec"]);
  page.line(0, `Name:\t${object.metadata.name}`);
  labels(page, "Labels", object.metadata.labels);
  page.line(0, `Namespace:\t${object.metadata.namespace ?? ""}`);
  page.line(
    0,
    `Address:\t${list(part(part(object["status"])["loadBalancer"])["ingress"])
      .map((each) => str(each["ip"]) || str(each["hostname"]))
      .join(",")}`,
  );
  page.line(0, `Ingress Class:\t${str(spec["ingressClassName"]) || "<none>"}`);
  const fallback = part(spec["defaultBackend"]);
  page.line(0, `Default backend:\t${spec["defaultBackend"] === undefined ? "<default>" : backend(fallback, reach)}`);
  const tls = list(spec["tls"]);
  if (tls.length > 0) {
    page.line(0, "TLS:");
    for (const each of tls)
      page.line(
        1,
        str(each["secretName"]) === ""
          ? `SNI routes ${texts(each["hosts"]).join(",")}`
          : `${str(each["secretName"])} terminates ${texts(each["hosts"]).join(",")}`,
      );
  }
  page.line(0, "Rules:\n  Host\tPath\tBackends");
  page.line(1, "----\t----\t--------");
  const rules = list(spec["rules"]).filter((rule) => rule["http"] !== undefined);
  for (const rule of rules) {
    page.line(1, `${str(rule["host"]) || "*"}\t`);
    for (const path of list(part(rule["http"])["paths"]))
      page.line(2, `\t${str(path["path"])} \t${backend(part(path["backend"]), reach)}`);
  }
  if (rules.length === 0)
    page.line(1, `*\t*\t${spec["defaultBackend"] === undefined ? "<default>" : backend(fallback, reach)}`);
  annotations(page, object.metadata.annotations);
}

function backend(value: Part, reach: (service: string, port: string) => string): string {
  if (value["service"] !== undefined) {
    const { name, port } = part(value["service"]);
    const wanted = str(part(port)["name"]) || str(part(port)["number"]);
    return `${str(name)}:${wanted} (${reach(str(name), wanted)})`;
  }
  const resource = part(value["resource"]);
  return `APIGroup: ${str(resource["apiGroup"])}, Kind: ${str(resource["kind"])}, Name: ${str(resource["name"])}`;
}

export function ingressClass(page: Page, object: Obj): void {
  head(page, object, false);
  page.line(0, `Controller:\t${str(part(object["spec"])["controller"])}`);
}

export function networkPolicy(page: Page, object: Obj): void {
  const spec = part(object["spec"]);
  page.line(0, `Name:\t${object.metadata.name}`);
  page.line(0, `Namespace:\t${object.metadata.namespace ?? ""}`);
  page.line(0, `Created on:\t${str(object.metadata.creationTimestamp).replace("T", " ").replace("Z", " +0000 UTC")}`);
  labels(page, "Labels", object.metadata.labels);
  annotations(page, object.metadata.annotations);
  page.line(0, "Spec:");
  page.line(
    1,
    `PodSelector:     ${selectorText(spec["podSelector"], "<none> (Allowing the specific traffic to all pods in this namespace)")}`,
  );
  const types = texts(spec["policyTypes"]);
  for (const [type, field, peers] of [
    ["Ingress", "ingress", "from"],
    ["Egress", "egress", "to"],
  ] as const) {
    if (!types.includes(type)) {
      page.line(1, `Not affecting ${field} traffic`);
      continue;
    }
    page.line(1, `Allowing ${field} traffic:`);
    const rules = list(spec[field]);
    if (rules.length === 0) page.line(2, `<none> (Selected pods are isolated for ${field} connectivity)`);
    rules.forEach((rule, at) => {
      const ports = list(rule["ports"]);
      if (ports.length === 0) page.line(2, `To Port: <any> (traffic allowed to all ports)`);
      for (const port of ports)
        page.line(2, `To Port: ${str(port["port"]) || "<any>"}/${str(port["protocol"]) || "TCP"}`);
      const others = list(rule[peers]);
      const way = peers === "from" ? "From" : "To";
      if (others.length === 0)
        page.line(2, `${way}: <any> (traffic not restricted by ${peers === "from" ? "source" : "destination"})`);
      for (const peer of others) {
        page.line(2, `${way}:`);
        if (peer["ipBlock"] !== undefined) {
          page.line(3, "IPBlock:");
          page.line(4, `CIDR: ${str(part(peer["ipBlock"])["cidr"])}`);
          page.line(4, `Except: ${texts(part(peer["ipBlock"])["except"]).join(", ")}`);
        }
        if (peer["namespaceSelector"] !== undefined)
          page.line(3, `NamespaceSelector: ${selectorText(peer["namespaceSelector"])}`);
        if (peer["podSelector"] !== undefined) page.line(3, `PodSelector: ${selectorText(peer["podSelector"])}`);
      }
      if (at < rules.length - 1) page.line(2, "----------");
    });
  }
  page.line(1, `Policy Types: ${types.join(", ")}`);
}
