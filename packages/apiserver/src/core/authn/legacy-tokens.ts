// Tokens that live in secrets of type kubernetes.io/service-account-token: good as long as the secret holds them and their account is the
// one they were made for. After Kubernetes' `pkg/serviceaccount/legacy.go`.
import type { Secret } from "@coxswain/api/core/v1";
import type { LegacyClaims } from "@coxswain/pki";
import type { ObjectReader } from "../request.ts";
import { equalInConstantTime } from "./constant-time.ts";

/** Why the token is no longer good; undefined when it is. */
export async function brokenSecret(
  token: string,
  { namespace, secretName, serviceaccount }: LegacyClaims,
  reader: ObjectReader,
): Promise<string | undefined> {
  const invalidated = "service account token has been invalidated";
  const secret = (await reader.read({ group: "", resource: "secrets" }, namespace, secretName)) as Secret | undefined;
  if (secret === undefined || secret.metadata.deletionTimestamp !== undefined) return invalidated;
  if (!equalInConstantTime(atob(secret.data?.["token"] ?? ""), token))
    return "service account token does not match server's copy";
  const account = await reader.read({ group: "", resource: "serviceaccounts" }, namespace, serviceaccount.name);
  if (account === undefined || account.metadata.deletionTimestamp !== undefined) return invalidated;
  return account.metadata.uid === serviceaccount.uid
    ? undefined
    : `ServiceAccount UID (${account.metadata.uid ?? ""}) does not match claim (${serviceaccount.uid})`;
}
