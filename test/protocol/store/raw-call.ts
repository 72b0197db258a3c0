// gRPC calls with whatever bytes, by an independent client: what a server says to requests that no client library would make.
import * as grpc from "@grpc/grpc-js";

export interface RawAnswer {
  readonly code: number;
  readonly details: string;
  readonly bytes: Buffer | undefined;
}

export function rawCall(
  url: string,
  path: string,
  request: Buffer,
  metadata: Readonly<Record<string, string>> = {},
  options: grpc.ClientOptions = {},
): Promise<RawAnswer> {
  const client = new grpc.Client(url.replace("http://", ""), grpc.credentials.createInsecure(), {
    "grpc.max_send_message_length": -1,
    ...options,
  });
  const headers = new grpc.Metadata();
  for (const [name, value] of Object.entries(metadata)) headers.set(name, value);
  const same = (bytes: Buffer): Buffer => bytes;
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, same, same, request, headers, (error, bytes) => {
      client.close();
      resolve({ code: error?.code ?? 0, details: error?.details ?? "", bytes });
    });
  });
}

/** All messages of a server's stream; rejects as the stream ends. The client is as it comes: it takes messages of up to 4 MiB. */
export async function rawStream(url: string, path: string, request: Buffer): Promise<readonly Buffer[]> {
  const client = new grpc.Client(url.replace("http://", ""), grpc.credentials.createInsecure());
  const same = (bytes: Buffer): Buffer => bytes;
  try {
    const messages: Buffer[] = [];
    for await (const message of client.makeServerStreamRequest(path, same, same, request))
      messages.push(message as Buffer);
    return messages;
  } finally {
    client.close();
  }
}
