// gRPC's health service, for the server as a whole (service ""): it serves while it knows a leader.
import type { HealthCheckRequest, HealthCheckResponse, Init, StreamCall } from "@coxswain/etcd-api";
import { GrpcError, statusCodes } from "@coxswain/etcd-api";
import type { Served } from "./ports.ts";

export function serveHealth(served: Served, { service }: HealthCheckRequest): Init<HealthCheckResponse> {
  if (service !== "") throw new GrpcError(statusCodes.notFound, "unknown service");
  return { status: serving(served) };
}

/** Tells at once, and again with every change, until the client goes. */
export async function watchHealth(
  served: Served,
  { service }: HealthCheckRequest,
  call: StreamCall<HealthCheckResponse>,
): Promise<void> {
  let last: string | undefined;
  const tell = (): void => {
    const status = service === "" ? serving(served) : "SERVICE_UNKNOWN";
    if (status !== last) call.send({ status });
    last = status;
  };
  const unsubscribe = served.onLeaderChange(tell);
  try {
    tell();
    if (!call.signal.aborted)
      await new Promise<void>((resolve) => call.signal.addEventListener("abort", () => resolve(), { once: true }));
  } finally {
    unsubscribe();
  }
}

function serving(served: Served): "SERVING" | "NOT_SERVING" {
  return served.status().leader === undefined ? "NOT_SERVING" : "SERVING";
}
