// What a debugging container may do, by the name of a profile.
import { CommandError } from "../failure.ts";

export const profiles = ["general", "baseline", "restricted", "netadmin", "sysadmin"] as const;

/** A security context; undefined for the container's usual one. */
export function profileOf(name: string, on: "pod" | "node"): unknown {
  switch (name) {
    case "general":
      return on === "node" ? undefined : { capabilities: { add: ["SYS_PTRACE"] } };
    case "baseline":
      return undefined;
    case "restricted":
      return {
        allowPrivilegeEscalation: false,
        capabilities: { drop: ["ALL"] },
        runAsNonRoot: true,
        seccompProfile: { type: "RuntimeDefault" },
      };
    case "netadmin":
      return { capabilities: { add: ["NET_ADMIN", "NET_RAW"] } };
    case "sysadmin":
      return { privileged: true };
    default:
      throw new CommandError(`unknown profile: ${name}`);
  }
}
