// The containers of a page: what they run, in which state, with which limits, probes, variables and mounts.
import { list, longTime, num, part, str, texts } from "./page.ts";
import type { Page, Part } from "./page.ts";

/** `space` stands before the title in a template; `pod` resolves variables that name its fields. */
export function containers(
  page: Page,
  title: string,
  all: readonly Part[],
  statuses: readonly Part[] | undefined,
  space: string,
  pod?: Part,
): void {
  const line = (depth: number, text: string): void => page.line(depth, text);
  if (all.length === 0) return page.raw(`${space}${title}: <none>\n`);
  page.raw(`${space}${title}:\n`);
  for (const container of all) {
    const status = statuses?.find((each) => each["name"] === container["name"]);
    line(1, `${space === "" ? "" : " "}${str(container["name"])}:`);
    if (status !== undefined) line(2, `Container ID:\t${str(status["containerID"])}`);
    line(2, `Image:\t${str(container["image"])}`);
    if (status !== undefined) line(2, `Image ID:\t${str(status["imageID"])}`);
    const ports = list(container["ports"]);
    const shown = (field: string): string =>
      ports.map((port) => `${num(port[field])}/${str(port["protocol"]) || "TCP"}`).join(", ");
    const plural = ports.length > 1 ? "Ports" : "Port";
    line(2, `${plural}:\t${ports.length === 0 ? "<none>" : shown("containerPort")}`);
    line(2, `Host ${plural}:\t${ports.length === 0 ? "<none>" : shown("hostPort")}`);
    words(line, "Command", texts(container["command"]));
    words(line, "Args", texts(container["args"]));
    if (status !== undefined) {
      state(line, "State", part(status["state"]));
      if (Object.keys(part(status["lastState"])).length > 0) state(line, "Last State", part(status["lastState"]));
      line(2, `Ready:\t${status["ready"] === true ? "True" : "False"}`);
      line(2, `Restart Count:\t${num(status["restartCount"])}`);
    }
    const resources = part(container["resources"]);
    for (const name of ["Limits", "Requests"]) {
      const entries = Object.entries(part(resources[name.toLowerCase()])).sort(([left], [right]) =>
        left < right ? -1 : 1,
      );
      if (entries.length === 0) continue;
      line(2, `${name}:`);
      for (const [resource, quantity] of entries) line(3, `${resource}:\t${str(quantity)}`);
    }
    for (const name of ["liveness", "readiness", "startup"]) {
      const probe = container[`${name}Probe`];
      if (probe !== undefined) line(2, `${name[0]?.toUpperCase()}${name.slice(1)}:\t${probeText(part(probe))}`);
    }
    environment(line, container, pod);
    mounts(line, container);
  }
}

type Line = (depth: number, text: string) => void;

function words(line: Line, title: string, all: readonly string[]): void {
  if (all.length === 0) return;
  line(2, `${title}:`);
  for (const word of all) for (const each of word.split("\n")) line(3, each);
}

function state(line: Line, title: string, { running, waiting, terminated }: Part): void {
  if (running !== undefined) {
    line(2, `${title}:\tRunning`);
    line(3, `Started:\t${longTime(part(running)["startedAt"])}`);
  } else if (waiting !== undefined) {
    line(2, `${title}:\tWaiting`);
    if (str(part(waiting)["reason"]) !== "") line(3, `Reason:\t${str(part(waiting)["reason"])}`);
  } else if (terminated !== undefined) {
    const ended = part(terminated);
    line(2, `${title}:\tTerminated`);
    if (str(ended["reason"]) !== "") line(3, `Reason:\t${str(ended["reason"])}`);
    if (str(ended["message"]) !== "") line(3, `Message:\t${str(ended["message"])}`);
    line(3, `Exit Code:\t${num(ended["exitCode"])}`);
    if (num(ended["signal"]) > 0) line(3, `Signal:\t${num(ended["signal"])}`);
    line(3, `Started:\t${longTime(ended["startedAt"])}`);
    line(3, `Finished:\t${longTime(ended["finishedAt"])}`);
  } else line(2, `${title}:\tWaiting`);
}

export function probeText(probe: Part): string {
  const attributes = `delay=${num(probe["initialDelaySeconds"])}s timeout=${num(probe["timeoutSeconds"])}s period=${num(probe["periodSeconds"])}s #success=${num(probe["successThreshold"])} #failure=${num(probe["failureThreshold"])}`;
  const [exec, http, tcp, grpc] = ["exec", "httpGet", "tcpSocket", "grpc"].map((name) => probe[name]);
  if (exec !== undefined) return `exec [${texts(part(exec)["command"]).join(" ")}] ${attributes}`;
  if (http !== undefined) {
    const { scheme, host, port, path } = part(http);
    const where = str(port) === "" ? str(host) : `${str(host)}:${str(port)}`;
    return `http-get ${(str(scheme) || "HTTP").toLowerCase()}://${where}${str(path)} ${attributes}`;
  }
  if (tcp !== undefined) return `tcp-socket ${str(part(tcp)["host"])}:${str(part(tcp)["port"])} ${attributes}`;
  if (grpc !== undefined) return `grpc <pod>:${num(part(grpc)["port"])} ${str(part(grpc)["service"])} ${attributes}`;
  return `unknown ${attributes}`;
}

function environment(line: Line, container: Part, pod: Part | undefined): void {
  const sources = list(container["envFrom"]);
  if (sources.length > 0) {
    line(2, "Environment Variables from:");
    for (const source of sources) {
      const [kind, reference] =
        source["configMapRef"] !== undefined
          ? ["ConfigMap", part(source["configMapRef"])]
          : ["Secret", part(source["secretRef"])];
      const prefix = str(source["prefix"]) === "" ? "" : ` with prefix '${str(source["prefix"])}'`;
      line(3, `${str(reference["name"])}\t${kind}${prefix}\tOptional: ${reference["optional"] === true}`);
    }
  }
  const variables = list(container["env"]);
  if (variables.length === 0) return line(2, "Environment:\t<none>");
  line(2, "Environment:");
  for (const variable of variables) {
    const from = part(variable["valueFrom"]);
    const name = str(variable["name"]);
    const [field, resource, secret, config] = ["fieldRef", "resourceFieldRef", "secretKeyRef", "configMapKeyRef"].map(
      (key) => from[key],
    );
    if (field !== undefined)
      line(
        3,
        `${name}:\t${fieldOf(pod, str(part(field)["fieldPath"]))} (${str(part(field)["apiVersion"]) || "v1"}:${str(part(field)["fieldPath"])})`,
      );
    else if (resource !== undefined) line(3, `${name}:\t (${str(part(resource)["resource"])})`);
    else if (secret !== undefined)
      line(
        3,
        `${name}:\t<set to the key '${str(part(secret)["key"])}' in secret '${str(part(secret)["name"])}'>\tOptional: ${part(secret)["optional"] === true}`,
      );
    else if (config !== undefined)
      line(
        3,
        `${name}:\t<set to the key '${str(part(config)["key"])}' of config map '${str(part(config)["name"])}'>\tOptional: ${part(config)["optional"] === true}`,
      );
    else
      str(variable["value"])
        .split("\n")
        .forEach((each, at) => line(3, at === 0 ? `${name}:\t${each}` : `\t${each}`));
  }
}

function mounts(line: Line, container: Part): void {
  const all = list(container["volumeMounts"]).toSorted((left, right) =>
    str(left["mountPath"]) < str(right["mountPath"]) ? -1 : 1,
  );
  line(2, all.length === 0 ? "Mounts:\t<none>" : "Mounts:");
  for (const mount of all) {
    const flags = [
      mount["readOnly"] === true ? "ro" : "rw",
      ...(str(mount["subPath"]) === "" ? [] : [`path="${str(mount["subPath"])}"`]),
    ];
    line(3, `${str(mount["mountPath"])} from ${str(mount["name"])} (${flags.join(",")})`);
  }
  for (const device of list(container["volumeDevices"]))
    line(3, `${str(device["devicePath"])} from ${str(device["name"])}`);
}

/** "metadata.name", "metadata.labels['app']", "status.podIP" of the pod; nothing in a template. */
function fieldOf(pod: Part | undefined, path: string): string {
  if (pod === undefined) return "";
  const [, holder = path, key] = /^(.*)\['(.*)'\]$/.exec(path) ?? [];
  const value = holder.split(".").reduce<unknown>((inner, name) => part(inner)[name], pod);
  return str(key === undefined ? value : part(value)[key]);
}
