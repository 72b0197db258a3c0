// etcd's --auth-token: a kind, and for signed tokens how they are signed. Reads no files.

export type TokenOptions =
  | { readonly kind: "simple" }
  | {
      readonly kind: "jwt";
      readonly signMethod: SignMethod;
      readonly publicKeyFile: string | undefined;
      readonly privateKeyFile: string | undefined;
      readonly ttlMs: number;
    };

export const signMethods = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "HS256",
  "HS384",
  "HS512",
  "EdDSA",
] as const;
export type SignMethod = (typeof signMethods)[number];

const defaultTtlMs = 5 * 60_000;
const optionNames = ["sign-method", "pub-key", "priv-key", "ttl"];

/** A fault is a sentence without its subject. */
export function parseAuthToken(
  text: string,
  parseDuration: (text: string) => number | undefined,
): TokenOptions | { readonly fault: string } {
  const [kind, ...pairs] = text.split(",");
  const options = new Map<string, string>();
  for (const pair of pairs) {
    const [name = "", value, ...rest] = pair.split("=");
    if (value === undefined || rest.length > 0) return { fault: `expected name=value, found ${JSON.stringify(pair)}` };
    if (options.has(name)) return { fault: `${name} is given twice` };
    if (!optionNames.includes(name))
      return { fault: `expected one of ${optionNames.join(", ")}, found ${JSON.stringify(name)}` };
    options.set(name, value);
  }
  if (kind === "simple") return { kind };
  if (kind !== "jwt") return { fault: `expected "simple" or "jwt", found ${JSON.stringify(kind)}` };
  const signMethod = signMethods.find((known) => known === options.get("sign-method"));
  if (!signMethod) return { fault: `sign-method must be one of ${signMethods.join(", ")}` };
  const ttl = options.get("ttl");
  const ttlMs = ttl ? parseDuration(ttl) : defaultTtlMs;
  if (ttlMs === undefined || ttlMs <= 0)
    return { fault: `ttl must be a duration such as "5m", found ${JSON.stringify(ttl)}` };
  const [publicKeyFile, privateKeyFile] = [options.get("pub-key"), options.get("priv-key")];
  if (!privateKeyFile && (signMethod.startsWith("HS") || !publicKeyFile))
    return { fault: signMethod.startsWith("HS") ? "priv-key is needed" : "priv-key or pub-key is needed" };
  return { kind, signMethod, publicKeyFile, privateKeyFile, ttlMs };
}
