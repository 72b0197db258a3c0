// What to ask the node agent for: the kubelet's paths and parameters, after the checks that the API makes on the options.
import { type FieldError, fieldErrors, StatusError, statuses } from "@coxswain/apimachinery";
import { parseRfc3339 } from "@coxswain/clock";
import type { Pod } from "@coxswain/api/core/v1";

const defaultContainer = "kubectl.kubernetes.io/default-container";

export function logPath(pod: Pod, query: URLSearchParams): string {
  const errors: FieldError[] = [];
  const number = (name: string, least: number): void => {
    const text = query.get(name);
    if (text === null || text === "") return;
    const value = Number(text);
    if (!Number.isInteger(value))
      throw new StatusError(statuses.badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`));
    if (value < least)
      errors.push(fieldErrors.invalid(name, value, `must be greater than ${least === 0 ? "or equal to 0" : "0"}`));
  };
  number("tailLines", 0);
  number("limitBytes", 1);
  number("sinceSeconds", 1);
  const sinceTime = query.get("sinceTime") ?? "";
  if (sinceTime !== "" && parseRfc3339(sinceTime) === undefined) {
    throw new StatusError(
      statuses.badRequest(`parsing time ${JSON.stringify(sinceTime)} as "2006-01-02T15:04:05Z07:00": cannot parse`),
    );
  }
  if (sinceTime !== "" && (query.get("sinceSeconds") ?? "") !== "")
    errors.push(fieldErrors.forbidden("", "at most one of `sinceTime` or `sinceSeconds` may be specified"));
  if (errors.length > 0)
    throw new StatusError(statuses.invalid({ group: "", kind: "PodLogOptions" }, pod.metadata.name, errors));

  const container = chooseContainer(pod, query.get("container") ?? "");
  const passed = new URLSearchParams();
  for (const name of [
    "follow",
    "previous",
    "timestamps",
    "sinceSeconds",
    "sinceTime",
    "tailLines",
    "limitBytes",
    "stream",
  ]) {
    const value = query.get(name);
    if (value !== null && value !== "" && value !== "false") passed.set(name, value);
  }
  return withQuery(`/containerLogs/${place(pod)}/${encodeURIComponent(container)}`, passed);
}

export function execPath(pod: Pod, query: URLSearchParams): string {
  const command = query.getAll("command");
  if (command.length === 0 || command[0] === "")
    throw invalidOptions("PodExecOptions", pod, fieldErrors.required("command"));
  const passed = streamsOf("PodExecOptions", pod, query);
  for (const word of command) passed.append("command", word);
  return withQuery(`/exec/${place(pod)}/${encodeURIComponent(runningContainer(pod, query))}`, passed);
}

export function attachPath(pod: Pod, query: URLSearchParams): string {
  const passed = streamsOf("PodAttachOptions", pod, query);
  return withQuery(`/attach/${place(pod)}/${encodeURIComponent(runningContainer(pod, query))}`, passed);
}

export function portForwardPath(pod: Pod, query: URLSearchParams): string {
  const passed = new URLSearchParams();
  const ports = query.getAll("ports").flatMap((text) => text.split(","));
  if (ports.length > 0) passed.set("port", ports.join(","));
  return withQuery(`/portForward/${place(pod)}`, passed);
}

/** The container that is meant when none is named: the only one, or the one that the pod's author marked. */
export function chooseContainer(pod: Pod, asked: string): string {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
  const names = (list: readonly { readonly name: string }[]): string => `[${list.map(({ name }) => name).join(" ")}]`;
  const all = [...containers, ...initContainers, ...ephemeralContainers];
  if (asked !== "") {
    if (!all.some(({ name }) => name === asked))
      throw new StatusError(statuses.badRequest(`container ${asked} is not valid for pod ${pod.metadata.name}`));
    return asked;
  }
  const marked = pod.metadata.annotations?.[defaultContainer];
  if (marked !== undefined && containers.some(({ name }) => name === marked)) return marked;
  if (containers.length === 1 && containers[0] !== undefined) return containers[0].name;
  if (containers.length === 0)
    throw new StatusError(statuses.badRequest(`a container name must be specified for pod ${pod.metadata.name}`));
  const others = initContainers.length === 0 ? "" : ` or one of the init containers: ${names(initContainers)}`;
  throw new StatusError(
    statuses.badRequest(
      `a container name must be specified for pod ${pod.metadata.name}, choose one of: ${names(containers)}${others}`,
    ),
  );
}

function runningContainer(pod: Pod, query: URLSearchParams): string {
  const phase = pod.status?.phase;
  if (phase === "Succeeded" || phase === "Failed") {
    throw new StatusError(
      statuses.badRequest(`cannot exec into a container in a completed pod; current phase is ${phase}`),
    );
  }
  return chooseContainer(pod, query.get("container") ?? "");
}

function streamsOf(kind: string, pod: Pod, query: URLSearchParams): URLSearchParams {
  const on = (name: string, otherwise = false): boolean =>
    query.has(name) ? ["true", "1"].includes(query.get(name) ?? "") : otherwise;
  const attach = kind === "PodAttachOptions";
  const [stdin, stdout, stderr, tty] = [
    on("stdin"),
    on("stdout", attach && !query.has("stdout")),
    on("stderr", attach && !on("tty")),
    on("tty"),
  ];
  if (tty && stderr)
    throw invalidOptions(kind, pod, fieldErrors.invalid("tty", true, "tty and stderr cannot both be true"));
  if (!stdin && !stdout && !stderr)
    throw invalidOptions(kind, pod, fieldErrors.required("", "at least one of stdin, stdout, or stderr must be true"));
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
