// The environment of a container, in Kubernetes' order of precedence: services, then envFrom, then env with expansion of
// what came before. What it refers to is fetched by the shell and handed in.
import type { ConfigMap, Container, EnvVar, FileKeySelector, Secret, Service } from "@coxswain/api/core/v1";
import { fromEnvFile } from "./env-file.ts";
import type { EnvFile } from "./env-file.ts";
import { expand } from "./expand.ts";
import { fieldValue, resourceValue } from "./field-ref.ts";
import type { SelfView } from "./field-ref.ts";

export interface Sources {
  readonly configMaps: ReadonlyMap<string, ConfigMap>;
  readonly secrets: ReadonlyMap<string, Secret>;
  /** Services of the pod's own namespace, and `kubernetes` of `default`. */
  readonly services: readonly Service[];
  /** By `envFileKey`; one that is not here is of a volume that the pod does not have. */
  readonly files: ReadonlyMap<string, EnvFile>;
}

export type EnvResult = { readonly variables: ReadonlyMap<string, string> } | { readonly error: string };

/** Which objects and files `containerEnv` will want. */
export function envReferences(container: Container): {
  readonly configMaps: readonly string[];
  readonly secrets: readonly string[];
  readonly files: readonly FileKeySelector[];
} {
  const configMaps = [
    ...(container.envFrom ?? []).map((source) => source.configMapRef?.name),
    ...(container.env ?? []).map((variable) => variable.valueFrom?.configMapKeyRef?.name),
  ];
  const secrets = [
    ...(container.envFrom ?? []).map((source) => source.secretRef?.name),
    ...(container.env ?? []).map((variable) => variable.valueFrom?.secretKeyRef?.name),
  ];
  return {
    configMaps: [...new Set(configMaps.filter((name) => name !== undefined))],
    secrets: [...new Set(secrets.filter((name) => name !== undefined))],
    files: (container.env ?? []).flatMap(({ valueFrom }) => valueFrom?.fileKeyRef ?? []),
  };
}

export function containerEnv(self: SelfView, container: Container, sources: Sources): EnvResult {
  const namespace = self.pod.metadata?.namespace ?? "";
  const variables = new Map<string, string>();
  for (const service of sources.services) {
    const isOwn = service.metadata?.namespace === namespace && self.pod.spec?.enableServiceLinks !== false;
    const isMaster = service.metadata?.namespace === "default" && service.metadata.name === "kubernetes";
    if (isOwn || isMaster) for (const [name, value] of serviceVariables(service)) variables.set(name, value);
  }
  for (const from of container.envFrom ?? []) {
    const reference = from.configMapRef ?? from.secretRef;
    const kind = from.configMapRef ? "configmap" : "secret";
    const data = from.configMapRef
      ? configData(sources.configMaps.get(reference?.name ?? ""))
      : secretData(sources.secrets.get(reference?.name ?? ""));
    if (!data && reference?.optional !== true)
      return { error: `${kind} ${JSON.stringify(reference?.name ?? "")} not found` };
    for (const [key, value] of data ?? []) variables.set(`${from.prefix ?? ""}${key}`, value);
  }
  // Later variables see earlier ones, and those from services and envFrom.
  for (const variable of container.env ?? []) {
    const value = valueOf(self, container, variable, sources, variables, namespace);
    if (typeof value === "object") return value;
    if (value !== undefined) variables.set(variable.name, value);
  }
  return { variables };
}

function valueOf(
  self: SelfView,
  container: Container,
  variable: EnvVar,
  sources: Sources,
  variables: ReadonlyMap<string, string>,
  namespace: string,
): string | undefined | { error: string } {
  const from = variable.valueFrom;
  if (!from) return expand(variable.value ?? "", variables);
  if (from.fieldRef)
    return fieldValue(self, from.fieldRef.fieldPath) ?? { error: `unsupported fieldPath: ${from.fieldRef.fieldPath}` };
  if (from.resourceFieldRef) {
    const named = from.resourceFieldRef.containerName;
    const target = named
      ? ([...(self.pod.spec?.initContainers ?? []), ...(self.pod.spec?.containers ?? [])].find(
          (other) => other.name === named,
        ) ?? container)
      : container;
    return (
      resourceValue(self, target, from.resourceFieldRef) ?? {
        error: `unsupported container resource: ${from.resourceFieldRef.resource}`,
      }
    );
  }
  if (from.fileKeyRef) return fromEnvFile(from.fileKeyRef, sources.files);
  const reference = from.configMapKeyRef ?? from.secretKeyRef;
  if (!reference) return { error: `environment variable ${variable.name} has a valueFrom without a source` };
  const kind = from.configMapKeyRef ? "configmap" : "secret";
  const name = reference.name ?? "";
  const data = from.configMapKeyRef ? configData(sources.configMaps.get(name)) : secretData(sources.secrets.get(name));
  const value = data?.get(reference.key);
  if (value !== undefined || reference.optional) return value;
  if (!data) return { error: `${kind} ${JSON.stringify(name)} not found` };
  return {
    error: `couldn't find key ${reference.key} in ${kind === "configmap" ? "ConfigMap" : "Secret"} ${namespace}/${name}`,
  };
}

export function configData(map: ConfigMap | undefined): ReadonlyMap<string, string> | undefined {
  return map && new Map(Object.entries(map.data ?? {}));
}

export function secretData(secret: Secret | undefined): ReadonlyMap<string, string> | undefined {
  return secret && new Map(Object.entries(secret.data ?? {}).map(([key, value]) => [key, decodeBase64(value)]));
}

function decodeBase64(text: string): string {
  return new TextDecoder().decode(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)));
}

/** The Docker-links variables: WEB_SERVICE_HOST, WEB_PORT_80_TCP_ADDR and their sisters. */
function serviceVariables(service: Service): readonly [string, string][] {
  const host = service.spec?.clusterIP;
  const ports = service.spec?.ports ?? [];
  const first = ports[0];
  if (!host || host === "None" || !first) return [];
  const prefix = envName(service.metadata?.name ?? "");
  const url = (protocol: string | undefined, port: number): string =>
    `${(protocol ?? "TCP").toLowerCase()}://${host}:${port}`;
  return [
    [`${prefix}_SERVICE_HOST`, host],
    [`${prefix}_SERVICE_PORT`, String(first.port)],
    ...ports
      .filter((port) => port.name)
      .map((port): [string, string] => [`${prefix}_SERVICE_PORT_${envName(port.name ?? "")}`, String(port.port)]),
    [`${prefix}_PORT`, url(first.protocol, first.port)],
    ...ports.flatMap((port): [string, string][] => {
      const stem = `${prefix}_PORT_${port.port}_${(port.protocol ?? "TCP").toUpperCase()}`;
      return [
        [stem, url(port.protocol, port.port)],
        [`${stem}_PROTO`, (port.protocol ?? "TCP").toLowerCase()],
        [`${stem}_PORT`, String(port.port)],
        [`${stem}_ADDR`, host],
      ];
    }),
  ];
}

function envName(name: string): string {
  return name.toUpperCase().replaceAll("-", "_");
}
