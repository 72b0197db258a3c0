// `/statusz` and `/flagz`, for people who look into a running server: text, unless all of kind, group and version are asked for, then JSON or
// YAML. Forms and words are those of Kubernetes 1.36; the text may change, and nothing should read it but eyes.
import { StatusError, statuses } from "@coxswain/apimachinery";
import { rfc3339 } from "@coxswain/clock";
import { renderYaml } from "./body/yaml.ts";
import { inOrder } from "./tables/accept.ts";

export interface ServerFacts {
  readonly component: string;
  readonly startedMs: number;
  /** What kube-apiserver calls its version of Go. */
  readonly runtimeVersion: string;
  readonly binaryVersion: string;
  readonly emulationVersion: string;
  /** By name, in the syntax of the command line. */
  readonly flags: ReadonlyMap<string, string>;
}

export interface ZPage {
  readonly contentType: string;
  readonly body: string;
  readonly warning: string | undefined;
}

/** `paths`: what the server lists at its root. Throws 406. */
export function statusPage(
  facts: ServerFacts,
  paths: readonly string[],
  accept: string | undefined,
  nowMs: number,
): ZPage {
  const { component, startedMs, runtimeVersion, binaryVersion, emulationVersion } = facts;
  const uptimeSeconds = Math.max(0, Math.floor((nowMs - startedMs) / 1000));
  const folders = debuggingFolders(paths);
  return page("Statusz", accept, {
    text: () =>
      [
        ...heading(component, "statusz"),
        `Started: ${unixDate(startedMs)}`,
        `Up: ${uptime(uptimeSeconds)}`,
        `Go version: ${runtimeVersion}`,
        `Binary version: ${binaryVersion}`,
        `Emulation version: ${emulationVersion}`,
        `Paths: ${folders.join(" ")}`,
        "",
      ].join("\n"),
    members: () => ({
      metadata: { name: component },
      startTime: rfc3339(startedMs),
      uptimeSeconds,
      goVersion: runtimeVersion,
      binaryVersion,
      emulationVersion,
      paths: folders,
    }),
  });
}

/** Throws 406. */
export function flagPage({ component, flags }: ServerFacts, accept: string | undefined): ZPage {
  const sorted = [...flags].sort(([left], [right]) => (left < right ? -1 : 1));
  return page("Flagz", accept, {
    text: () => [...heading(component, "flagz"), ...sorted.map(([name, value]) => `${name}=${value}`), ""].join("\n"),
    members: () => ({ metadata: { name: component }, flags: Object.fromEntries(sorted) }),
  });
}

const group = "config.k8s.io";
const versions: ReadonlySet<string> = new Set(["v1beta1", "v1alpha1"]);
const deprecated: ReadonlySet<string> = new Set(["v1alpha1"]);

interface Forms {
  readonly text: () => string;
  readonly members: () => object;
}

/** The first form of the client's that there is. */
function page(kind: "Statusz" | "Flagz", accept: string | undefined, { text, members }: Forms): ZPage {
  for (const { type, parameters } of inOrder(accept?.trim() || "*/*")) {
    const as = parameters.get("as");
    if (as === undefined) {
      if (!["text/plain", "text/*", "*/*"].includes(type)) continue;
      return { contentType: "text/plain; charset=utf-8", body: text(), warning: undefined };
    }
    const version = parameters.get("v") ?? "";
    if (as !== kind || parameters.get("g") !== group || !versions.has(version)) continue;
    const format = structuredFormats.get(type);
    if (format === undefined) continue;
    const object = { kind, apiVersion: `${group}/${version}`, ...members() };
    return {
      contentType: `application/${format}`,
      body: format === "json" ? `${JSON.stringify(object)}\n` : renderYaml(object),
      warning: deprecated.has(version)
        ? `This version of the ${kind.toLowerCase()} endpoint is deprecated. Please use a newer version.`
        : undefined,
    };
  }
  throw new StatusError(statuses.notAcceptable(["application/json", "application/yaml", "text/plain"]));
}

const structuredFormats: ReadonlyMap<string, "json" | "yaml"> = new Map([
  ["application/json", "json"],
  ["application/*", "json"],
  ["*/*", "json"],
  ["application/yaml", "yaml"],
]);

function heading(component: string, name: string): string[] {
  const warning =
    "Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.";
  return ["", `${component} ${name}`, warning, ""];
}

const apiFolders: ReadonlySet<string> = new Set(["/api", "/apis", "/openapi", "/openid", "/.well-known"]);

function debuggingFolders(paths: readonly string[]): string[] {
  const folders = new Set(paths.map((path) => `/${path.split("/", 2)[1] ?? ""}`));
  return [...folders].filter((folder) => folder !== "/" && !apiFolders.has(folder)).sort();
}

function uptime(seconds: number): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${Math.floor(seconds / 3600)} hr ${two(Math.floor(seconds / 60) % 60)} min ${two(seconds % 60)} sec`;
}

/** Such as "Wed Oct 16 21:03:43 UTC 2024". */
function unixDate(ms: number): string {
  const [weekday = "", day = "0", month = "", year = "", time = ""] = new Date(ms).toUTCString().split(" ");
  return `${weekday.slice(0, 3)} ${month} ${String(Number(day)).padStart(2)} ${time} UTC ${year}`;
}
