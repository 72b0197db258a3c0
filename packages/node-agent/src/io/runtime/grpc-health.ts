// The one gRPC call that a probe makes: grpc.health.v1.Health/Check, by hand over HTTP/2, since its messages have a single
// field each.
import { connect, constants } from "node:http2";
import type { ProbeOutcome } from "../../core/probe/probe.ts";

const serving = 1;
const names = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
const mostAnswerBytes = 4096;

export function checkGrpcHealth(
  host: string,
  port: number,
  service: string,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  const { promise, resolve, reject } = Promise.withResolvers<ProbeOutcome>();
  const session = connect(`http://${host}:${port}`);
  const stop = (): void => reject(signal.reason as Error);
  signal.addEventListener("abort", stop, { once: true });
  session.on("error", reject);
  const stream = session.request({
    ":method": "POST",
    ":path": "/grpc.health.v1.Health/Check",
    "content-type": "application/grpc",
    te: "trailers",
    "user-agent": "kube-probe/1.36",
  });
  let answer = Buffer.alloc(0);
  let code = "";
  const readCode = (headers: Readonly<Record<string, unknown>>): void => {
    if (headers["grpc-status"] !== undefined)
      code = `${String(headers["grpc-status"])} ${String(headers["grpc-message"] ?? "")}`.trim();
  };
  stream.on("response", readCode).on("trailers", readCode);
  stream.on("data", (bytes: Buffer) => (answer = Buffer.concat([answer, bytes]).subarray(0, mostAnswerBytes)));
  stream.on("error", reject);
  stream.on("end", () => {
    if (code !== "0" && code !== "") return resolve({ ok: false, message: `service unhealthy (grpc status ${code})` });
    const status = statusOf(answer.subarray(5));
    resolve(
      status === serving
        ? { ok: true, message: "" }
        : { ok: false, message: `service unhealthy (responded with "${names[status] ?? String(status)}")` },
    );
  });
  stream.end(request(service));
  return promise.finally(() => {
    signal.removeEventListener("abort", stop);
    stream.close(constants.NGHTTP2_CANCEL);
    session.destroy();
  });
}

/** Five bytes of framing, then field 1 (the service's name), left out when empty. A name has at most 127 bytes here. */
function request(service: string): Buffer {
  const name = Buffer.from(service).subarray(0, 127);
  const message = name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  return Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);
}

/** Field 1 as a small number; proto3 leaves a zero out. */
function statusOf(message: Buffer): number {
  return message[0] === 0x08 ? (message[1] ?? 0) : 0;
}
