// Reads an answer whole, and turns one that says no into a StatusError. The only place that makes StatusErrors from HTTP.
import { StatusError } from "@coxswain/apimachinery";
import type { Status, StatusReason } from "@coxswain/apimachinery";
import type { RawResponse } from "./client.ts";
import { ClientError } from "./errors.ts";
import type { Exchange } from "./transport/transport.ts";

export async function readAnswer(exchange: Exchange): Promise<RawResponse> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of exchange.body) chunks.push(chunk);
  const [first] = chunks;
  const body =
    chunks.length === 1 && first !== undefined
      ? Buffer.from(first.buffer, first.byteOffset, first.byteLength)
      : Buffer.concat(chunks);
  return {
    status: exchange.status,
    headers: exchange.headers,
    body,
    text: () => body.toString("utf8"),
    json: () => parse(body.toString("utf8"), exchange.status),
  };
}

/** Passes an answer that says yes. */
export function orThrow(answer: RawResponse, request: { readonly method: string; readonly path: string }): RawResponse {
  if (answer.status < 400) return answer;
  throw new StatusError(statusFrom(answer, request));
}

function statusFrom(answer: RawResponse, request: { readonly method: string; readonly path: string }): Status {
  const text = answer.text();
  if (text.startsWith("{")) {
    try {
      const value = JSON.parse(text) as Status;
      if (value.kind === "Status") return { ...value, code: value.code ?? answer.status };
    } catch (cause) {
      if (!(cause instanceof SyntaxError)) throw cause; // a torn or foreign body is quoted below
    }
  }
  // A proxy or a load balancer answered.
  return {
    apiVersion: "v1",
    kind: "Status",
    metadata: {},
    status: "Failure",
    code: answer.status,
    reason: reasons[answer.status] ?? "InternalError",
    message: `${request.method} ${request.path}: ${answer.status} ${text.slice(0, 200).trim()}`.trim(),
  };
}

const reasons: Readonly<Record<number, StatusReason>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  405: "MethodNotAllowed",
  409: "Conflict",
  410: "Gone",
  413: "RequestEntityTooLarge",
  415: "UnsupportedMediaType",
  422: "Invalid",
  429: "TooManyRequests",
  503: "ServiceUnavailable",
  504: "Timeout",
};

function parse(text: string, status: number): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ClientError(
      "response-invalid",
      `expected JSON with status ${status}, found ${JSON.stringify(text.slice(0, 80))}`,
      { cause },
    );
  }
}
