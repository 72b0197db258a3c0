// Names in the path of a proxy subresource: "[scheme:]name[:port]". Kubernetes' `SplitSchemeNamePort`.
import { StatusError, statuses } from "@coxswain/apimachinery";

export interface ProxyName {
  readonly scheme: "" | "http" | "https";
  readonly name: string;
  /** A number or a port's name; "" when none is given. */
  readonly port: string;
}

/** Refused as `what` writes it ("pod", "service", "node") when it is not of the form. */
export function splitProxyName(text: string, what: string): ProxyName {
  const parts = text.split(":");
  const [scheme = "", name = "", port = ""] = parts.length === 3 ? parts : ["", ...parts];
  if (parts.length > 3 || name === "" || (scheme !== "http" && scheme !== "https" && scheme !== ""))
    throw new StatusError(statuses.badRequest(`invalid ${what} request ${JSON.stringify(text)}`));
  return { scheme, name, port };
}
