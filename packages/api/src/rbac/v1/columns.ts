/** Tables of bindings: the role, and in wide output whom it is given to. Roles themselves show name and time. */
import type { DeepReadonly } from "@coxswain/apimachinery";
import { ageOf, printer, type TablePrinter } from "../../table.ts";
import type { ClusterRoleBinding, RoleBinding, Subject } from "./types.ts";

export const roleBindingTable: TablePrinter<RoleBinding | ClusterRoleBinding> = printer(
  ["Role", "Age", "Users+", "Groups+", "ServiceAccounts+"],
  (binding, now) => [
    `${binding.roleRef.kind}/${binding.roleRef.name}`,
    ageOf(binding, now),
    ...subjects(binding.subjects ?? []),
  ],
);

function subjects(list: readonly DeepReadonly<Subject>[]): [string, string, string] {
  const named = (kind: string): string =>
    list
      .filter((subject) => subject.kind === kind)
      .map(({ name, namespace }) => (kind === "ServiceAccount" ? `${namespace ?? ""}/${name}` : name))
      .join(", ");
  return [named("User"), named("Group"), named("ServiceAccount")];
}
