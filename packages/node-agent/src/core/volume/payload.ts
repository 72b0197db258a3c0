// The files of a ConfigMap, Secret, downward API or projected volume: which paths, which bytes, which modes. Pure; writing
// them atomically is the shell's. Paths cannot leave the volume.
import type {
  ConfigMap,
  DownwardAPIVolumeFile,
  KeyToPath,
  Pod,
  Secret,
  ServiceAccountTokenProjection,
  Volume,
  VolumeProjection,
} from "@coxswain/api/core/v1";
import { fieldValue, resourceValue } from "../container/field-ref.ts";
import type { SelfView } from "../container/field-ref.ts";

export interface PayloadFile {
  readonly bytes: Uint8Array;
  readonly mode: number;
}

export type Payload = ReadonlyMap<string, PayloadFile>;

export interface PayloadSources {
  readonly configMaps: ReadonlyMap<string, ConfigMap>;
  readonly secrets: ReadonlyMap<string, Secret>;
  /** Service account tokens by `tokenKey`. */
  readonly tokens: ReadonlyMap<string, string>;
}

export type PayloadResult = { readonly payload: Payload } | { readonly error: string };

export interface TokenReference {
  /** "" for the API server's own. */
  readonly audience: string;
  readonly expirationSeconds: number;
}

/** What is asked for alike is one token. */
export const tokenKey = ({ audience, expirationSeconds }: TokenReference): string => `${expirationSeconds} ${audience}`;

export interface References {
  readonly configMaps: readonly string[];
  readonly secrets: readonly string[];
  readonly tokens: readonly TokenReference[];
}

const defaultMode = 0o644;
const tokenSeconds = 3600;

/** The projections that a volume stands for; `undefined` when it is of another type. */
export function projectionsOf(
  volume: Volume,
): { readonly projections: readonly VolumeProjection[]; readonly mode: number } | undefined {
  if (volume.projected)
    return { projections: volume.projected.sources ?? [], mode: volume.projected.defaultMode ?? defaultMode };
  if (volume.configMap)
    return { projections: [{ configMap: volume.configMap }], mode: volume.configMap.defaultMode ?? defaultMode };
  if (volume.downwardAPI)
    return { projections: [{ downwardAPI: volume.downwardAPI }], mode: volume.downwardAPI.defaultMode ?? defaultMode };
  if (volume.secret) {
    const { secretName, items, optional, defaultMode: mode } = volume.secret;
    const secret = {
      ...(secretName === undefined ? {} : { name: secretName }),
      ...(items === undefined ? {} : { items }),
      ...(optional === undefined ? {} : { optional }),
    };
    return { projections: [{ secret }], mode: mode ?? defaultMode };
  }
  return undefined;
}

export function payloadReferences(volume: Volume): References {
  const projections = projectionsOf(volume)?.projections ?? [];
  return {
    configMaps: projections.flatMap((projection) => (projection.configMap ? [projection.configMap.name ?? ""] : [])),
    secrets: projections.flatMap((projection) => (projection.secret ? [projection.secret.name ?? ""] : [])),
    tokens: projections.flatMap(({ serviceAccountToken: token }) => (token ? [tokenReference(token)] : [])),
  };
}

const tokenReference = ({ audience, expirationSeconds }: ServiceAccountTokenProjection): TokenReference => ({
  audience: audience ?? "",
  expirationSeconds: expirationSeconds ?? tokenSeconds,
});

export function volumePayload(volume: Volume, self: SelfView, sources: PayloadSources): PayloadResult {
  const files = new Map<string, PayloadFile>();
  const { projections, mode } = projectionsOf(volume) ?? { projections: [], mode: defaultMode };
  for (const projection of projections) {
    const part = projectedFiles(projection, mode, self, sources);
    if ("error" in part) return part;
    for (const [path, file] of part.payload) files.set(path, file);
  }
  const escaping = [...files.keys()].find((path) => !isInside(path));
  return escaping === undefined
    ? { payload: files }
    : { error: `invalid path: must not contain '..' or be absolute: ${JSON.stringify(escaping)}` };
}

function projectedFiles(
  projection: VolumeProjection,
  mode: number,
  self: SelfView,
  sources: PayloadSources,
): PayloadResult {
  const { configMap, secret, downwardAPI, serviceAccountToken: token } = projection;
  if (configMap) {
    const object = sources.configMaps.get(configMap.name ?? "");
    const data = object && new Map([...textEntries(object.data), ...base64Entries(object.binaryData)]);
    return keyed(
      data,
      configMap.items,
      mode,
      configMap.optional ?? false,
      `configmap ${JSON.stringify(configMap.name ?? "")} not found`,
      "configmap",
    );
  }
  if (secret) {
    const object = sources.secrets.get(secret.name ?? "");
    const data = object && new Map(base64Entries(object.data));
    return keyed(
      data,
      secret.items,
      mode,
      secret.optional ?? false,
      `secret ${JSON.stringify(secret.name ?? "")} not found`,
      "secret",
    );
  }
  if (downwardAPI) return downwardFiles(downwardAPI.items ?? [], mode, self);
  if (token) {
    const value = sources.tokens.get(tokenKey(tokenReference(token)));
    if (value === undefined) return { error: "the service account token is not there" };
    return { payload: new Map([[token.path, { bytes: encode(value), mode: tokenMode(self.pod, mode) }]]) };
  }
  const [other = "nothing"] = Object.keys(projection);
  return { error: `a projected volume cannot have ${other} as a source on this node` };
}

/** A pod that runs as somebody else may read its own token through its group or, failing that, owner. */
function tokenMode(pod: Pod, mode: number): number {
  return pod.spec?.securityContext?.fsGroup === undefined ? mode : 0o600;
}

function keyed(
  data: ReadonlyMap<string, Uint8Array> | undefined,
  items: readonly KeyToPath[] | undefined,
  mode: number,
  optional: boolean,
  missing: string,
  kind: string,
): PayloadResult {
  if (!data) return optional ? { payload: new Map() } : { error: missing };
  if (!items || items.length === 0)
    return { payload: new Map([...data].map(([key, bytes]) => [key, { bytes, mode }])) };
  const files = new Map<string, PayloadFile>();
  for (const item of items) {
    const bytes = data.get(item.key);
    if (bytes) files.set(item.path, { bytes, mode: item.mode ?? mode });
    else if (!optional) return { error: `references non-existent ${kind} key: ${item.key}` };
  }
  return { payload: files };
}

function downwardFiles(items: readonly DownwardAPIVolumeFile[], mode: number, self: SelfView): PayloadResult {
  const files = new Map<string, PayloadFile>();
  for (const item of items) {
    const selector = item.resourceFieldRef;
    const container =
      selector &&
      [...(self.pod.spec?.containers ?? []), ...(self.pod.spec?.initContainers ?? [])].find(
        (candidate) => candidate.name === selector.containerName,
      );
    const text = item.fieldRef
      ? fieldValue(self, item.fieldRef.fieldPath)
      : selector && container
        ? resourceValue(self, container, selector)
        : undefined;
    if (text === undefined)
      return { error: `downward API file ${JSON.stringify(item.path)} has no source that can be read` };
    files.set(item.path, { bytes: encode(text), mode: item.mode ?? mode });
  }
  return { payload: files };
}

function textEntries(data: Readonly<Record<string, string>> | undefined): readonly [string, Uint8Array][] {
  return Object.entries(data ?? {}).map(([key, text]) => [key, encode(text)]);
}

function base64Entries(data: Readonly<Record<string, string>> | undefined): readonly [string, Uint8Array][] {
  return Object.entries(data ?? {}).map(([key, text]) => [
    key,
    Uint8Array.from(atob(text), (char) => char.charCodeAt(0)),
  ]);
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Relative, without "..", and not a name that the atomic update uses itself. */
export function isInside(path: string): boolean {
  const parts = path.split("/");
  return (
    path !== "" &&
    !path.startsWith("/") &&
    !path.includes("\0") &&
    parts.every((part) => part !== ".." && part !== "") &&
    !(parts[0] ?? "").startsWith("..")
  );
}
