// Which of a pod's pull secrets fit an image's registry, the most specific first: dockerconfigjson and dockercfg, with hosts,
// ports, paths and wildcards as the kubelet matches them. Pure.
import type { Secret } from "@coxswain/api/core/v1";
import type { RegistryAuth } from "@coxswain/container-runtime";

const dockerHub = "index.docker.io";

/** Credentials to be tried one after another; a secret that makes no sense has none. */
export function credentialsFor(reference: string, secrets: readonly Secret[]): readonly RegistryAuth[] {
  const image = repositoryOf(reference);
  return secrets
    .flatMap((secret) => entriesOf(secret))
    .map(({ key, auth }) => ({ key: stripped(key), auth }))
    .filter(({ key }) => fits(key, image))
    .toSorted((a, b) => b.key.length - a.key.length)
    .map(({ auth }) => ({ ...auth, server: registryOf(reference) }));
}

/** The registry's host (and port), as messages and back-off name it. */
export function registryOf(reference: string): string {
  return repositoryOf(reference).split("/")[0] ?? dockerHub;
}

/** host/path without tag and digest; the default registry is written out. */
function repositoryOf(reference: string): string {
  const bare = (reference.split("@")[0] ?? "").replace(/:[^/:]+$/, "");
  const [first = "", ...rest] = bare.split("/");
  if (rest.length > 0 && (/[.:]/.test(first) || first === "localhost"))
    return first === "docker.io" ? [dockerHub, ...rest].join("/") : bare;
  return rest.length > 0 ? `${dockerHub}/${bare}` : `${dockerHub}/library/${bare}`;
}

function stripped(key: string): string {
  const bare = key.replace(/^https?:\/\//, "").replace(/\/(v1|v2)?\/?$/, "");
  return bare === "docker.io" ? dockerHub : bare;
}

function fits(key: string, image: string): boolean {
  const [host = "", ...path] = key.split("/");
  const [imageHost = "", ...imagePath] = image.split("/");
  const [name = "", port] = host.split(":");
  const [imageName = "", imagePort] = imageHost.split(":");
  const parts = name.split(".");
  const imageParts = imageName.split(".");
  if (port !== imagePort || parts.length !== imageParts.length) return false;
  const matches = parts.every((part, index) => globbed(part, imageParts[index] ?? ""));
  return matches && `${imagePath.join("/")}/`.startsWith(path.length === 0 ? "" : path.join("/"));
}

function globbed(pattern: string, text: string): boolean {
  const [start = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return pattern === text;
  const end = rest.at(-1) ?? "";
  return text.length >= start.length + end.length && text.startsWith(start) && text.endsWith(end);
}

function entriesOf(secret: Secret): readonly { readonly key: string; readonly auth: RegistryAuth }[] {
  const config = secret.data?.[".dockerconfigjson"];
  const old = secret.data?.[".dockercfg"];
  const parsed = config === undefined ? old && jsonOf(old) : jsonOf(config);
  const auths = config !== undefined && isRecord(parsed) ? parsed.auths : parsed;
  if (!isRecord(auths)) return [];
  return Object.entries(auths).flatMap(([key, entry]) => {
    if (!isRecord(entry)) return [];
    const [user, ...rest] = typeof entry.auth === "string" ? text(entry.auth).split(":") : [];
    const username = typeof entry.username === "string" ? entry.username : (user ?? "");
    const password = typeof entry.password === "string" ? entry.password : rest.join(":").replace(/\0+$/, "");
    return username === "" && password === "" ? [] : [{ key, auth: { username, password } }];
  });
}

function jsonOf(base64: string): unknown {
  try {
    return JSON.parse(text(base64));
  } catch {
    // Somebody else's secret; without credentials the registry says what it thinks.
    return undefined;
  }
}

function text(base64: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)));
  } catch {
    return "";
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
