// Bootstrap tokens as secrets of kube-system: when they end, and how the discovery ConfigMap is signed with them so that a machine that
// knows a token can tell the true one. After Kubernetes' `pkg/controller/bootstrap`.
import { createHmac } from "node:crypto";
import type { ConfigMap, Secret } from "@coxswain/api/core/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { parseRfc3339 } from "@coxswain/clock";

const prefix = "jws-kubeconfig-";

/** When the token ends, in milliseconds since the epoch; undefined for one without an end. A time that cannot be read has passed. */
export function endOfToken(secret: DeepReadonly<Secret>): number | undefined {
  const expiration = text(secret, "expiration");
  return expiration === "" ? undefined : (parseRfc3339(expiration) ?? 0);
}

/** The data of the ConfigMap with one signature of its kubeconfig per token that may sign; undefined when there is nothing to sign. */
export function signedData(
  map: DeepReadonly<ConfigMap>,
  tokens: readonly DeepReadonly<Secret>[],
  nowMs: number,
): Readonly<Record<string, string>> | undefined {
  const content = map.data?.["kubeconfig"];
  if (content === undefined) return undefined;
  const others = Object.entries(map.data ?? {}).filter(([name]) => !name.startsWith(prefix));
  const signatures = tokens.flatMap((secret) => {
    const [id, key] = [text(secret, "token-id"), text(secret, "token-secret")];
    const end = endOfToken(secret);
    if (id === "" || key === "" || text(secret, "usage-bootstrap-signing") !== "true") return [];
    return end !== undefined && end <= nowMs ? [] : [[`${prefix}${id}`, detachedSignature(content, id, key)]];
  });
  return Object.fromEntries([...others, ...signatures]) as Readonly<Record<string, string>>;
}

/** A JSON Web Signature without its payload (RFC 7515, appendix F): HS256 with the whole token as the key. */
export function detachedSignature(content: string, tokenId: string, tokenSecret: string): string {
  const header = base64url(JSON.stringify({ alg: "HS256", kid: tokenId }));
  const mac = createHmac("sha256", `${tokenId}.${tokenSecret}`).update(`${header}.${base64url(content)}`);
  return `${header}..${mac.digest("base64url")}`;
}

function text({ data }: DeepReadonly<Secret>, name: string): string {
  return Buffer.from(data?.[name] ?? "", "base64").toString();
}

function base64url(content: string): string {
  return Buffer.from(content).toString("base64url");
}
