// Service accounts: of the secrets that they name only the names are kept.
import type { ApiObject } from "@coxswain/apimachinery";
import type { Loose, Strategy } from "../../strategy.ts";

export const serviceAccountStrategy: Strategy = { prepareForCreate: keepNames, prepareForUpdate: keepNames };

function keepNames(account: ApiObject): void {
  const secrets = (account as Loose)["secrets"] as readonly { readonly name?: string }[] | undefined;
  if (secrets === undefined) return;
  (account as Loose)["secrets"] = secrets.map(({ name }) => (name === undefined ? {} : { name }));
}
