/** Ports of a pod's containers that are in each other's way. */
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { ContainerPort, PodSpec } from "../types.ts";
import { eachContainer } from "./each-container.ts";

/** Warnings of all containers' ports together: a pod has one address. */
export function portWarnings(spec: DeepReadonly<PodSpec>, path: string): string[] {
  const warnings: string[] = [];
  const all = new Map<string, { readonly path: string; readonly port: DeepReadonly<ContainerPort> }[]>();
  eachContainer(spec, path, ({ ports = [] }, at) => {
    for (const [index, port] of ports.entries()) {
      const here = `${at}.ports[${index}]`;
      const key = `${port.containerPort}/${port.protocol ?? ""}`;
      const others = all.get(key) ?? [];
      if (port.hostIP && !port.hostPort) warnings.push(`${here}: hostIP set without hostPort: ${asGo(port)}`);
      for (const other of others) {
        const what = clash(port, other.port);
        if (what !== undefined) warnings.push(`${here}: ${what} port definition with ${other.path}`);
      }
      all.set(key, [...others, { path: here, port }]);
    }
  });
  return warnings;
}

function clash(left: DeepReadonly<ContainerPort>, right: DeepReadonly<ContainerPort>): string | undefined {
  const [leftPort, rightPort] = [left.hostPort ?? 0, right.hostPort ?? 0];
  const [leftIp, rightIp] = [left.hostIP ?? "", right.hostIP ?? ""];
  if (leftPort === rightPort && leftIp === rightIp) return "duplicate";
  if (leftPort === 0 || rightPort === 0) return "overlapping";
  return leftPort === rightPort && (leftIp === "") !== (rightIp === "") ? "dangerously ambiguous" : undefined;
}

function asGo(port: DeepReadonly<ContainerPort>): string {
  const { name = "", hostPort = 0, containerPort, hostIP = "" } = port;
  return `{Name:${name} HostPort:${hostPort} ContainerPort:${containerPort} Protocol:${port.protocol ?? ""} HostIP:${hostIP}}`;
}
