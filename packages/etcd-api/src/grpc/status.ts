// gRPC's status codes and the one error type that carries them, on both sides. Texts are the caller's business: etcd's
// clients match etcd's exact texts, which the store owns.

export const statusCodes = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;

export type StatusCode = (typeof statusCodes)[keyof typeof statusCodes];

/** A call that ended with a status other than OK. */
export class GrpcError extends Error {
  override readonly name = "GrpcError";
  readonly code: number;
  /** The status message as it travels, without the code. */
  readonly details: string;

  constructor(code: number, details: string, options?: ErrorOptions) {
    super(`grpc ${code}: ${details}`, options);
    this.code = code;
    this.details = details;
  }
}

/** grpc-message travels percent-encoded (gRPC over HTTP/2, "Status-Message"). */
export function encodeStatusMessage(text: string): string {
  return /^[\x20-\x24\x26-\x7e]*$/.test(text)
    ? text
    : [...Buffer.from(text)]
        .map((byte) => (byte >= 0x20 && byte <= 0x7e && byte !== 0x25 ? String.fromCharCode(byte) : percent(byte)))
        .join("");
}

export function decodeStatusMessage(text: string): string {
  if (!text.includes("%")) return text;
  const bytes: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const hex = text.slice(i + 1, i + 3);
    if (text[i] === "%" && /^[0-9a-fA-F]{2}$/.test(hex)) {
      bytes.push(Number.parseInt(hex, 16));
      i += 2;
    } else bytes.push(...Buffer.from(text.charAt(i)));
  }
  return Buffer.from(bytes).toString("utf8");
}

function percent(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}
