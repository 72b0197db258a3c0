// Everything that is not a resource: version, health, metrics, discovery, OpenAPI. Documents are made when first asked for.
import {
  encodeOpenApiV2,
  encodeOpenApiV3,
  joinOpenApiV2,
  mergeOpenApiV2,
  openApiDiscoveryNames,
  openApiDiscoveryV3,
  openApiProtobufNames,
  openApiProtobufType,
  openApiV3ProtobufNames,
  openApiV3ProtobufType,
  openApiV2,
  openApiV2OfCustom,
  openApiV3,
  openApiV3OfCustom,
  resources,
} from "@coxswain/api";
import { StatusError, statuses } from "@coxswain/apimachinery";
import type { Clock } from "@coxswain/clock";
import type { Logger, MetricsRegistry } from "@coxswain/daemon";
import { jwksPath } from "./core/authn/issuer-discovery.ts";
import type { CustomKinds } from "./core/custom/custom-kinds.ts";
import type { Discovery } from "./core/discovery/discovery.ts";
import { createHash } from "./core/discovery/etag.ts";
import type { RequestInfo } from "./core/request.ts";
import { inOrder } from "./core/tables/accept.ts";
import { flagPage, statusPage } from "./core/z-pages.ts";
import type { ZPage } from "./core/z-pages.ts";
import { createHealth } from "./health.ts";
import type { HealthCheck, HealthEndpoint } from "./health.ts";
import type { Descriptions } from "./io/aggregation/descriptions.ts";
import type { Reply, Request } from "./pipeline.ts";

export interface Documents {
  /** Throws 404, 405 and 406. */
  find(info: RequestInfo, request: Request): Promise<Reply>;
}

export interface DocumentsPorts {
  readonly custom: Pick<CustomKinds, "all" | "generation">;
  /** What other servers say of their groups. */
  readonly descriptions?: Pick<Descriptions, "places" | "generation" | "isEmpty" | "merge">;
  readonly discovery: Discovery;
  readonly metrics: MetricsRegistry;
  readonly clock: Clock;
  readonly live: readonly HealthCheck[];
  readonly ready: readonly HealthCheck[];
  /** By name, in the syntax of the command line. */
  readonly flags: ReadonlyMap<string, string>;
  readonly log: Pick<Logger, "warn" | "info">;
  /** Paths of other owners, such as the service-account issuer's. */
  readonly others: ReadonlyMap<string, () => Promise<object> | object>;
}

export const gitVersion = "v1.36.4+coxswain";

const versionInfo = {
  major: "1",
  minor: "36",
  emulationMajor: "1",
  emulationMinor: "36",
  minCompatibilityMajor: "1",
  minCompatibilityMinor: "35",
  gitVersion,
  // Git's name for no object: Kubernetes' own tests want one of hexadecimal digits.
  gitCommit: "0".repeat(40),
  gitTreeState: "clean",
  buildDate: "1970-01-01T00:00:00Z",
  goVersion: "none",
  compiler: "node",
  platform: "linux/amd64",
};

const jsonTypes: ReadonlySet<string> = new Set(["application/json", "*/*", "application/*"]);
const readMethods: ReadonlySet<string> = new Set(["get", "head"]);

/** Whether a client prefers JSON to protobuf, which it asks for by one of these names. */
function wantsJson(request: Request, protobufNames: readonly string[]): boolean {
  const wanted = inOrder(request.header("accept") ?? "*/*").find(
    ({ type }) => protobufNames.includes(type) || jsonTypes.has(type),
  );
  if (wanted === undefined) throw new StatusError(statuses.notAcceptable(["application/json"]));
  return jsonTypes.has(wanted.type);
}

export function createDocuments(ports: DocumentsPorts): Documents {
  const made = new Map<string, Buffer>();
  const health = createHealth(ports);
  const facts = {
    component: "kube-apiserver",
    startedMs: ports.clock.now(),
    runtimeVersion: versionInfo.goVersion,
    binaryVersion: gitVersion.slice(1),
    emulationVersion: `${versionInfo.emulationMajor}.${versionInfo.emulationMinor}`,
    flags: ports.flags,
  };
  const madeOnce = (key: string, make: () => object): Buffer => {
    let body = made.get(key);
    if (!body) {
      const document = make();
      body = Buffer.from(document instanceof Uint8Array ? document : JSON.stringify(document));
      made.set(key, body);
    }
    return body;
  };

  return {
    async find(info, request) {
      const path = info.path.length > 1 ? info.path.replace(/\/$/, "") : info.path;
      if (!readMethods.has(info.verb)) {
        if (await exists(path, request)) throw new StatusError(statuses.methodNotAllowed());
        throw new StatusError(statuses.pathNotFound());
      }
      const reply = await findAt(path, request);
      if (!reply) throw new StatusError(statuses.pathNotFound());
      return reply;
    },
  };

  async function exists(path: string, request: Request): Promise<boolean> {
    return (await findAt(path, request)) !== undefined;
  }

  async function findAt(path: string, request: Request): Promise<Reply | undefined> {
    if (path === "/version") return indented(versionInfo);
    if (path === "/metrics")
      return {
        type: "document",
        code: 200,
        contentType: ports.metrics.contentType,
        body: await ports.metrics.expose(),
      };
    if (path === "/metrics/slis")
      return { type: "document", code: 200, contentType: ports.metrics.contentType, body: health.figures() };
    if (path === "/statusz") return zPage(statusPage(facts, rootPaths(), request.header("accept"), ports.clock.now()));
    if (path === "/flagz") return zPage(flagPage(facts, request.header("accept")));
    if (path === "/") return indented({ paths: rootPaths() });
    const asked = /^\/(healthz|livez|readyz)(?:\/(.+))?$/.exec(path);
    if (asked) {
      const answer = await health.answer(asked[1] as HealthEndpoint, asked[2], request.query);
      return answer && { type: "document", contentType: "text/plain; charset=utf-8", ...answer };
    }
    const other = ports.others.get(path);
    if (other) return json(await other(), path === jwksPath ? "application/jwk-set+json" : undefined);
    if (path === "/openapi/v2") return openApiV2Reply(request);
    if (path === "/openapi/v3") return json({ paths: openApiPaths(ports) });
    const name = path.slice("/openapi/v3/".length);
    if (path.startsWith("/openapi/v3/") && openApiDiscoveryNames.includes(name))
      return documentFrom(`v3 ${name}`, () => openApiDiscoveryV3(name, gitVersion), request);
    const v3 = /^\/openapi\/v3\/(?:api|apis\/([^/]+))\/([^/]+)$/.exec(path);
    if (v3) {
      if (!isServed(v3[1] ?? "", v3[2] ?? "")) return customOpenApi(v3[1] ?? "", v3[2] ?? "", request);
      return documentFrom(
        `v3 ${v3[1] ?? ""}/${v3[2]}`,
        () => openApiV3(v3[1] ?? "", v3[2] ?? "", gitVersion) ?? {},
        request,
      );
    }
    const found = ports.discovery.find(path, request.header("accept"));
    return found && { type: "document", code: 200, contentType: found.contentType, body: found.body, etag: found.etag };
  }

  function customOpenApi(group: string, version: string, request: Request): Reply | undefined {
    const mine = ports.custom.all.filter((kind) => kind.group === group && kind.version === version);
    if (mine.length === 0) return undefined;
    const make = (): object => openApiV3OfCustom(mine.map(describedKind), gitVersion);
    return documentFrom(customKey(`${group}/${version}`), make, request);
  }

  /** For a document about definitions and other servers as they are now. Those about them as they were are of no use any more. */
  function customKey(name: string): string {
    const prefix = `custom ${ports.custom.generation} ${ports.descriptions?.generation ?? 0} `;
    for (const key of made.keys()) if (key.startsWith("custom ") && !key.startsWith(prefix)) made.delete(key);
    return prefix + name;
  }

  /** In the form that comes first in the client's order. */
  function openApiV2Reply(request: Request): Reply {
    const isJson = wantsJson(request, openApiProtobufNames);
    const builtIn = (): Buffer =>
      isJson
        ? madeOnce("v2", () => openApiV2(gitVersion))
        : madeOnce("v2 protobuf", () => encodeOpenApiV2(openApiV2(gitVersion)));
    const type = isJson ? "application/json" : openApiProtobufType;
    const { custom, descriptions } = ports;
    const { all } = custom;
    if (descriptions && !descriptions.isEmpty) {
      const merge = (): object => {
        const own = mergeOpenApiV2(openApiV2(gitVersion), [openApiV2OfCustom(all.map(describedKind))]);
        const merged = descriptions.merge(own);
        return isJson ? merged : encodeOpenApiV2(merged);
      };
      return document(madeOnce(customKey(isJson ? "v2" : "v2 protobuf"), merge), type);
    }
    if (all.length === 0) return document(builtIn(), type);
    // Messages of protobuf are joined by being written one after the other.
    const join = (): Uint8Array => {
      const more = openApiV2OfCustom(all.map(describedKind));
      return isJson ? joinOpenApiV2(builtIn(), more) : Buffer.concat([builtIn(), encodeOpenApiV2(more)]);
    };
    return document(madeOnce(customKey(isJson ? "v2" : "v2 protobuf"), join), type);
  }

  /** A document of OpenAPI 3, in the form that comes first in the client's order. */
  function documentFrom(key: string, make: () => object, request: Request): Reply {
    if (wantsJson(request, openApiV3ProtobufNames)) return document(madeOnce(key, make), "application/json");
    return document(
      madeOnce(`${key} protobuf`, () => encodeOpenApiV3(make())),
      openApiV3ProtobufType,
    );
  }

  function document(body: Buffer, contentType: string): Reply {
    return { type: "document", code: 200, contentType, body, etag: `"${createHash(body)}"` };
  }

  function rootPaths(): string[] {
    const groups = [
      ...new Set(
        [...resources, ...ports.custom.all]
          .filter(({ group }) => group !== "")
          .flatMap(({ group, version }) => [`/apis/${group}`, `/apis/${group}/${version}`]),
      ),
    ];
    const checks = ["/healthz", "/livez", "/readyz"].flatMap((path) => [
      path,
      ...(path === "/livez" ? ports.live : ports.ready).map(({ name }) => `${path}/${name}`),
    ]);
    return [
      "/api",
      "/api/v1",
      "/apis",
      ...groups,
      ...checks,
      ...ports.others.keys(),
      "/flagz",
      "/metrics",
      "/metrics/slis",
      "/openapi/v2",
      "/openapi/v3",
      "/statusz",
      "/version",
    ].sort();
  }
}

function json(value: object, contentType = "application/json"): Reply {
  return { type: "document", code: 200, contentType, body: JSON.stringify(value) };
}

function zPage({ contentType, body, warning }: ZPage): Reply {
  return { type: "document", code: 200, contentType, body, ...(warning !== undefined && { warning }) };
}

function describedKind({ info, rules }: CustomKinds["all"][number]): Parameters<typeof openApiV2OfCustom>[0][number] {
  return { info, listKind: rules.listKind, schema: rules.openApi };
}

function isServed(group: string, version: string): boolean {
  return resources.some((info) => info.group === group && info.version === version);
}

/** The list of OpenAPI documents; the hash lets clients keep what they have. It changes with the server's version. */
function openApiPaths({ custom, descriptions }: DocumentsPorts): Record<string, object> {
  const { all, generation } = custom;
  const entry = (path: string, state: string): [string, object] => [
    path,
    { serverRelativeURL: `/openapi/v3/${path}?hash=${createHash(Buffer.from(`${state} ${path}`))}` },
  ];
  const paths = resources.map(({ group, version }) => (group === "" ? `api/${version}` : `apis/${group}/${version}`));
  return Object.fromEntries([
    ...[...openApiDiscoveryNames, ...new Set(paths)].map((path) => entry(path, gitVersion)),
    ...all.map(({ group, version }) => entry(`apis/${group}/${version}`, `${gitVersion} ${generation}`)),
    ...[...(descriptions?.places ?? [])].map(([path, serverRelativeURL]): [string, object] => [
      path,
      { serverRelativeURL },
    ]),
  ]);
}

/** As Go writes what is no object of the API. */
function indented(value: object): Reply {
  return { type: "document", code: 200, contentType: "application/json", body: JSON.stringify(value, null, 2) };
}
