// Shows the counts of calls (io/rpc/counting.ts) as counters: what was counted since the last look is added.
import { statusCodes } from "@coxswain/etcd-api";
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
      if (method === "Range" || method === "RangeStream") metrics.ranges.inc({}, grown(`${key} ranges`, started));
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
