// The `continue` of a paged list: the revision all pages are read at and the key to go on from, as Kubernetes encodes them.
import { isJsonObject, StatusError, statuses } from "@coxswain/apimachinery";

export function encodeContinue(revision: number, from: string, prefix: string): string {
  const token = { v: "meta.k8s.io/v1", rv: revision, start: from.slice(prefix.length) };
  return Buffer.from(JSON.stringify(token)).toString("base64url");
}

/** Keys outside the prefix cannot be asked for: the start is relative and may not climb. */
export function decodeContinue(
  text: string,
  prefix: string,
): { readonly revision: number | undefined; readonly from: string } {
  const token = parse(text);
  if (!isJsonObject(token) || token["v"] !== "meta.k8s.io/v1")
    throw invalid("server does not recognize this encoded version");
  const { rv, start } = token;
  if (typeof rv !== "number" || !Number.isSafeInteger(rv) || rv === 0)
    throw invalid("incorrect encoded start resourceVersion (version meta.k8s.io/v1)");
  if (typeof start !== "string" || start === "") throw invalid("encoded start key is empty");
  if (start.split("/").includes("..")) throw invalid("encoded start key is invalid");
  return { revision: rv < 0 ? undefined : rv, from: `${prefix}${start}` };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, "base64url").toString());
  } catch {
    throw invalid("illegal base64 data or JSON");
  }
}

function invalid(why: string): StatusError {
  return new StatusError(statuses.badRequest(`continue key is not valid: ${why}`));
}
