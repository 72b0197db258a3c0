// Names in the path of a proxy subresource: "[scheme:]name[:port]". Kubernetes' `SplitSchemeNamePort`.

export interface ProxyName {
  readonly scheme: "" | "http" | "https";
  readonly name: string;
  /** A number or a port's name; "" when none is given. */
  readonly port: string;
}

/** Anything that is not of the form is taken as a name, which then is not found. */
export function splitProxyName(text: string): ProxyName {
  const parts = text.split(":");
  if (parts.length === 2) return { scheme: "", name: parts[0] ?? "", port: parts[1] ?? "" };
  const [scheme, name = "", port = ""] = parts;
  if (parts.length === 3 && (scheme === "http" || scheme === "https" || scheme === "")) return { scheme, name, port };
  return { scheme: "", name: text, port: "" };
}
