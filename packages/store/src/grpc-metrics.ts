// Shows the counts of calls (io/rpc/counting.ts) as counters: what was counted since the last look is added.
import { statusCodes, watchService } from "@coxswain/etcd-api";
import type { MethodCounts } from "./io/rpc/counting.ts";
import type { StoreMetrics } from "./metrics.ts";

/** Go's names of gRPC's codes: "InvalidArgument". */
const codeNames = new Map(
  Object.entries(statusCodes).map(([name, code]): [number, string] => [
    code,
    code === statusCodes.ok
      ? "OK"
      : code === statusCodes.cancelled
        ? "Canceled"
        : name.charAt(0).toUpperCase() + name.slice(1),
  ]),
);

export function createGrpcObserver(counts: readonly MethodCounts[], metrics: StoreMetrics): () => void {
  const shown = new Map<string, number>();
  const grown = (key: string, total: number): number => {
    const by = total - (shown.get(key) ?? 0);
    shown.set(key, total);
    return by;
  };
  return () => {
    for (const { service, method, type, started, received, sent, handled } of counts) {
      const key = `${service}/${method}`;
      const labels = { grpc_method: method, grpc_service: service, grpc_type: type };
      const ok = handled.get(statusCodes.ok) ?? 0;
      const ended = handled.values().reduce((sum, of) => sum + of, 0);
      switch (method) {
        case "Range":
        case "RangeStream": {
          const ranges = grown(`${key} ranges`, started);
          metrics.ranges.inc({}, ranges);
          metrics.debuggingRanges.inc({}, ranges);
          break;
        }
        case "LeaseKeepAlive":
          metrics.leasesRenewed.inc({}, grown(`${key} renewed`, sent));
          break;
        case "MemberPromote":
          metrics.learnerPromoteSuccesses.inc({}, grown(`${key} promoted`, ok));
          metrics.learnerPromoteFailures.inc({}, grown(`${key} refused`, ended - ok));
          break;
        case "Watch":
          if (service === watchService.name) metrics.watchStreams.set(started - ended);
          break;
        default:
      }
      metrics.grpcStarted.inc(labels, grown(`${key} started`, started));
      metrics.grpcReceived.inc(labels, grown(`${key} received`, received));
      metrics.grpcSent.inc(labels, grown(`${key} sent`, sent));
      for (const [code, total] of handled)
        metrics.grpcHandled.inc(
          { grpc_code: codeNames.get(code) ?? "Unknown", ...labels },
          grown(`${key} ${code}`, total),
        );
    }
  };
}
