// What a debugging container may do, and what a copy of a pod keeps, by the name of a profile.
import { CommandError } from "../failure.ts";

export const profiles = ["legacy", "general", "baseline", "restricted", "netadmin", "sysadmin"] as const;

export interface Profile {
  /** The security context of the container; undefined for the one it has. */
  readonly securityContext: unknown;
  /** On a node: in its own namespaces (network, processes, IPC). */
  readonly hostNamespaces: boolean;
  /** On a node: with its files under /host. */
  readonly hostFiles: boolean;
  /** A copy goes without what would put it to work, and its containers see each other's processes. */
  readonly quietCopy: boolean;
}

const profile = (securityContext: unknown, more: Partial<Profile> = {}): Profile => ({
  securityContext,
  hostNamespaces: false,
  hostFiles: false,
  quietCopy: true,
  ...more,
});
const wholeHost = { hostNamespaces: true, hostFiles: true };

export function profileOf(name: string, on: "pod" | "node"): Profile {
  switch (name) {
    case "legacy":
      return profile(undefined, { ...wholeHost, quietCopy: false });
    case "general":
      return profile(on === "node" ? undefined : { capabilities: { add: ["SYS_PTRACE"] } }, wholeHost);
    case "baseline":
      return profile(undefined);
    case "restricted":
      return profile({
        allowPrivilegeEscalation: false,
        capabilities: { drop: ["ALL"] },
        runAsNonRoot: true,
        seccompProfile: { type: "RuntimeDefault" },
      });
    case "netadmin":
      return profile({ capabilities: { add: ["NET_ADMIN", "NET_RAW"] } }, { hostNamespaces: true });
    case "sysadmin":
      return profile({ privileged: true }, wholeHost);
    default:
      throw new CommandError(`unknown profile: ${name}`);
  }
}
