// Who we say we are, as headers: bearer token (read again when its file changes), basic, impersonation. Certificates are TLS's.
import { readFileSync, statSync } from "node:fs";
import type { ClientConfig } from "./config.ts";

export interface Credentials {
  headers(): Readonly<Record<string, string>>;
}

export function createCredentials(config: ClientConfig): Credentials {
  const { token, basic, impersonate } = config;
  const fixed: Record<string, string> = {
    "user-agent": config.userAgent,
    ...(basic
      ? { authorization: `Basic ${Buffer.from(`${basic.username}:${basic.password}`).toString("base64")}` }
      : {}),
    ...(impersonate ? { "impersonate-user": impersonate.user } : {}),
    ...(impersonate?.uid === undefined ? {} : { "impersonate-uid": impersonate.uid }),
    ...(impersonate?.groups?.length ? { "impersonate-group": impersonate.groups.join(",") } : {}),
  };
  if (token === undefined) return { headers: () => fixed };
  if ("data" in token) {
    const headers = { ...fixed, authorization: `Bearer ${token.data}` };
    return { headers: () => headers };
  }
  let seen = -1;
  let headers = fixed;
  return {
    headers() {
      const { mtimeMs } = statSync(token.file);
      if (mtimeMs !== seen) {
        headers = { ...fixed, authorization: `Bearer ${readFileSync(token.file, "utf8").trim()}` };
        seen = mtimeMs;
      }
      return headers;
    },
  };
}
