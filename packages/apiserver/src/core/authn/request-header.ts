// Who asks, in the words of a proxy that has found it out already: the `X-Remote-*` headers. Whether the proxy is believed (its certificate, by
// an authority and under a name that are meant for it) is decided where connections are known; here its headers are read.
import type { UserInfo } from "../request.ts";

export interface RequestHeaderNames {
  /** The first of these that says something names the user. */
  readonly username: readonly string[];
  readonly uid: readonly string[];
  readonly group: readonly string[];
  readonly extraPrefix: readonly string[];
}

export interface RequestHeaderConfig extends RequestHeaderNames {
  /** Common names of proxies; none: any that the authority has signed. */
  readonly allowedNames: readonly string[];
}

/** Those whose lower-case names begin so, repeated ones apart. */
type HeadersOf = (prefix: string) => readonly (readonly [name: string, value: string])[];

/** Undefined when the proxy names nobody. */
export function remoteUser(names: RequestHeaderNames, headersOf: HeadersOf): UserInfo | undefined {
  const valuesOf = (wanted: readonly string[]): string[] =>
    wanted.flatMap((name) =>
      headersOf(name.toLowerCase()).flatMap(([found, value]) =>
        found === name.toLowerCase() && value.trim() !== "" ? [value.trim()] : [],
      ),
    );
  const [username] = valuesOf(names.username);
  if (username === undefined) return undefined;
  const [uid] = valuesOf(names.uid);
  const extra: Record<string, string[]> = {};
  for (const prefix of names.extraPrefix)
    for (const [name, value] of headersOf(prefix.toLowerCase()))
      (extra[keyOf(name.slice(prefix.length))] ??= []).push(value);
  return {
    username,
    groups: valuesOf(names.group),
    ...(uid !== undefined && { uid }),
    ...(Object.keys(extra).length > 0 && { extra }),
  };
}

/** How all headers begin that such a proxy may send, in lower case. */
export function headerStarts({ username, uid, group, extraPrefix }: RequestHeaderNames): readonly string[] {
  return [...username, ...uid, ...group, ...extraPrefix].map((name) => name.toLowerCase());
}

/** Keys may be escaped as in a URL; what is not well escaped stands for itself. */
function keyOf(escaped: string): string {
  try {
    return decodeURIComponent(escaped);
  } catch {
    return escaped;
  }
}
