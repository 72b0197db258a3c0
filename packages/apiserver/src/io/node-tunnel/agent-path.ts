// What to ask the node agent for: the kubelet's paths and parameters, after the checks that the API makes on the options.
import { type FieldError, fieldErrors, StatusError, statuses } from "@coxswain/apimachinery";
import type { Pod } from "@coxswain/api/core/v1";

export function logPath(pod: Pod, query: URLSearchParams): string {
  const container = chooseContainer(pod, query.get("container") ?? "");
  const passed = new URLSearchParams();
  for (const name of ["follow", "previous", "timestamps"]) if (isOn(query, name)) passed.set(name, "true");
  for (const name of ["sinceSeconds", "sinceTime", "tailLines", "limitBytes", "stream"]) {
    const value = query.get(name);
    if (value !== null && value !== "") passed.set(name, value);
  }
  return withQuery(`/containerLogs/${place(pod)}/${encodeURIComponent(container)}`, passed);
}

export function execPath(pod: Pod, query: URLSearchParams): string {
  const container = chooseContainer(pod, query.get("container") ?? "");
  const command = query.getAll("command");
  // Of a pod that no node has yet nothing else is to be said than that.
  if ((pod.spec?.nodeName ?? "") !== "" && (command.length === 0 || command[0] === ""))
    throw invalidOptions("PodExecOptions", pod, fieldErrors.required("command"));
  const passed = streamsOf("PodExecOptions", query);
  for (const word of command) passed.append("command", word);
  return withQuery(`/exec/${place(pod)}/${encodeURIComponent(container)}`, passed);
}

export function attachPath(pod: Pod, query: URLSearchParams): string {
  const passed = streamsOf("PodAttachOptions", query);
  return withQuery(
    `/attach/${place(pod)}/${encodeURIComponent(chooseContainer(pod, query.get("container") ?? ""))}`,
    passed,
  );
}

export function portForwardPath(pod: Pod, query: URLSearchParams): string {
  const passed = new URLSearchParams();
  const ports = query.getAll("ports").flatMap((text) => text.split(","));
  if (ports.length > 0) passed.set("port", ports.join(","));
  return withQuery(`/portForward/${place(pod)}`, passed);
}

/** The container that is meant when none is named: the only one. Which one a pod's author has marked as the default is clients' business. */
export function chooseContainer(pod: Pod, asked: string): string {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
  const all = [...initContainers, ...containers, ...ephemeralContainers].map(({ name }) => name);
  const { name } = pod.metadata;
  if (asked !== "") {
    if (!all.includes(asked))
      throw new StatusError(statuses.badRequest(`container ${asked} is not valid for pod ${name}`));
    return asked;
  }
  if (containers.length === 1 && containers[0] !== undefined) return containers[0].name;
  const choice = containers.length === 0 ? "" : `, choose one of: [${all.join(" ")}]`;
  throw new StatusError(statuses.badRequest(`a container name must be specified for pod ${name}${choice}`));
}

/** As Kubernetes reads booleans in queries: a name without a value is true, and so is all but "0" and "false" (Python writes "True"). */
function isOn(query: URLSearchParams, name: string): boolean {
  const value = query.get(name)?.toLowerCase();
  return value !== undefined && value !== "0" && value !== "false";
}

function streamsOf(kind: string, query: URLSearchParams): URLSearchParams {
  // Whoever says nothing about streams means the output.
  const silent = !["stdin", "stdout", "stderr"].some((name) => query.has(name));
  const attach = kind === "PodAttachOptions" && !query.has("stdout");
  const [stdin, tty] = [isOn(query, "stdin"), isOn(query, "tty")];
  const stdout = silent || attach || isOn(query, "stdout");
  // A terminal has one output.
  const stderr = !tty && (silent || isOn(query, "stderr") || (attach && !query.has("stderr")));
  if (!stdin && !stdout && !stderr)
    throw new StatusError(statuses.badRequest("you must specify at least 1 of stdin, stdout, stderr"));
  const passed = new URLSearchParams();
  for (const [name, wanted] of Object.entries({ input: stdin, output: stdout, error: stderr, tty }))
    if (wanted) passed.set(name, "1");
  return passed;
}

function invalidOptions(kind: string, pod: Pod, error: FieldError): StatusError {
  return new StatusError(statuses.invalid({ group: "", kind }, pod.metadata.name, [error]));
}

function place(pod: Pod): string {
  return `${encodeURIComponent(pod.metadata.namespace ?? "")}/${encodeURIComponent(pod.metadata.name)}`;
}

function withQuery(path: string, query: URLSearchParams): string {
  return query.size === 0 ? path : `${path}?${query.toString()}`;
}
