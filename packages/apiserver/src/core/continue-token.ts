// The `continue` of a paged list: the revision all pages are read at and the key to go on from, as Kubernetes encodes them.
// The key is relative to what is listed, so that a token says nothing about, and gives no way into, any other namespace.
import { isJsonObject, StatusError, statuses } from "@coxswain/apimachinery";

/** In a token: go on at the newest revision, whatever that is. */
export const newestRevision = -1;

export function encodeContinue(revision: number, from: string, prefix: string): string {
  const token = { v: "meta.k8s.io/v1", rv: revision, start: from.slice(prefix.length) };
  return Buffer.from(JSON.stringify(token)).toString("base64url");
}

/** Throws 400 in Kubernetes' words. */
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
  if (typeof start !== "string" || start === "") throw invalid("encoded start key empty (version meta.k8s.io/v1)");
  const isClean = start
    .replace(/^\//, "")
    .split("/")
    .every((part) => part !== "" && part !== "." && part !== "..");
  if (!isClean) throw invalid(start);
  return { revision: rv < 0 ? undefined : rv, from: `${prefix}${start.replace(/^\//, "")}` };
}

function parse(text: string): unknown {
  if (!/^[A-Za-z0-9_-]*$/.test(text))
    throw invalid(`illegal base64 data at input byte ${text.search(/[^A-Za-z0-9_-]/)}`);
  try {
    return JSON.parse(Buffer.from(text, "base64url").toString());
  } catch (error) {
    throw invalid((error as Error).message);
  }
}

function invalid(why: string): StatusError {
  return new StatusError(statuses.badRequest(`invalid continue token: continue key is not valid: ${why}`));
}
