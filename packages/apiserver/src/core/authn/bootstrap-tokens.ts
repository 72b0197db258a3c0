// Bootstrap tokens, `abcdef.0123456789abcdef`: what a machine that is not yet of the cluster shows to be let in. Each is a secret of
// kube-system that says who may use it, and until when. After Kubernetes' `plugin/pkg/auth/authenticator/token/bootstrap`.
import type { Secret } from "@coxswain/api/core/v1";
import { parseRfc3339 } from "@coxswain/clock";
import type { ObjectReader, UserInfo } from "../request.ts";
import { equalInConstantTime } from "./constant-time.ts";

const shape = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const groupShape = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;

/** The user of the token; undefined when it is none of ours, has ended, or is not for this. */
export async function findBootstrapToken(
  token: string,
  reader: ObjectReader,
  nowMs: number,
): Promise<UserInfo | undefined> {
  const [, id = "", secret = ""] = shape.exec(token) ?? [];
  if (id === "") return undefined;
  const found = await reader.read({ group: "", resource: "secrets" }, "kube-system", `bootstrap-token-${id}`);
  if (found === undefined || found.metadata.deletionTimestamp !== undefined) return undefined;
  const { type, data = {} } = found as Secret;
  const text = (name: string): string => decode(data[name]);
  if (type !== "bootstrap.kubernetes.io/token") return undefined;
  if (!equalInConstantTime(text("token-secret"), secret) || text("token-id") !== id) return undefined;
  if (text("usage-bootstrap-authentication") !== "true" || hasEnded(text("expiration"), nowMs)) return undefined;
  const groups = text("auth-extra-groups")
    .split(",")
    .filter((group) => group !== "");
  if (groups.some((group) => !groupShape.test(group))) return undefined;
  return { username: `system:bootstrap:${id}`, groups: ["system:bootstrappers", ...groups] };
}

function hasEnded(expiration: string, nowMs: number): boolean {
  if (expiration === "") return false;
  const atMs = parseRfc3339(expiration);
  // A time that cannot be read has passed.
  return atMs === undefined || atMs <= nowMs;
}

function decode(base64: string | undefined): string {
  return base64 === undefined ? "" : atob(base64);
}
