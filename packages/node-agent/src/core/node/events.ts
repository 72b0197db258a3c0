// What the kubelet tells of its node when the status changes, in its words. Pure.
import type { NodeStatus } from "@coxswain/api/core/v1";

export interface NodeEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

const reasons: Readonly<Record<string, { readonly True: string; readonly False: string }>> = {
  MemoryPressure: { True: "NodeHasInsufficientMemory", False: "NodeHasSufficientMemory" },
  DiskPressure: { True: "NodeHasDiskPressure", False: "NodeHasNoDiskPressure" },
  PIDPressure: { True: "NodeHasInsufficientPID", False: "NodeHasSufficientPID" },
  Ready: { True: "NodeReady", False: "NodeNotReady" },
};

/** `previous` is missing for a node that has just been registered. */
export function nodeEvents(name: string, previous: NodeStatus | undefined, next: NodeStatus): readonly NodeEvent[] {
  const bootId = next.nodeInfo?.bootID ?? "";
  const before = previous?.nodeInfo?.bootID ?? "";
  const rebooted = before !== "" && bootId !== "" && before !== bootId;
  const changed = (next.conditions ?? []).flatMap(({ type, status }) => {
    const reason = status === "Unknown" ? undefined : reasons[type]?.[status as "True" | "False"];
    const old = previous?.conditions?.find((condition) => condition.type === type)?.status;
    return reason === undefined || old === status ? [] : [reason];
  });
  return [
    ...(rebooted
      ? [
          {
            type: "Warning" as const,
            reason: "Rebooted",
            message: `Node ${name} has been rebooted, boot id: ${bootId}`,
          },
        ]
      : []),
    ...changed.map((reason) => ({ type: "Normal" as const, reason, message: `Node ${name} status is now: ${reason}` })),
  ];
}
