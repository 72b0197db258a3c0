// Who a binding binds: users, groups and service accounts of flags.
import type { Args } from "../args/flags.ts";
import { CommandError } from "../failure.ts";

export function subjects(args: Args): unknown[] {
  const apiGroup = "rbac.authorization.k8s.io";
  return [
    ...args.list("user").map((name) => ({ apiGroup, kind: "User", name })),
    ...args.list("group").map((name) => ({ apiGroup, kind: "Group", name })),
    ...args.list("serviceaccount").map((account) => {
      const [namespace = "", name = "", ...more] = account.split(":");
      if (name === "" || namespace === "" || more.length > 0)
        throw new CommandError("serviceaccount must be <namespace>:<name>");
      return { kind: "ServiceAccount", name, namespace };
    }),
  ];
}
