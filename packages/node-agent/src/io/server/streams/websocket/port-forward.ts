// Port-forward over plain WebSocket channels, as the Python and JavaScript clients speak it: the ports stand in the request, and each has two
// channels, one for data and one for an error. Both begin with the port's number, little-endian. One connection for each port, made at once.
import { Buffer } from "node:buffer";
import { PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { WebSocket } from "ws";
import type { ConnectPort } from "../port-forward.ts";
import { openChannels, writeOrPause } from "./channels.ts";

export const portChannelVersions = ["v4.channel.k8s.io", "v4.base64.channel.k8s.io"] as const;

/** Resolves when every connection has ended or the client has gone. */
export async function servePortChannels(
  webSocket: WebSocket,
  protocol: string,
  ports: readonly number[],
  connect: ConnectPort,
  sayFailure: (port: number, why: string) => string,
): Promise<void> {
  const inputs = ports.map(() => new PassThrough());
  const channels = openChannels(webSocket, protocol, (channel, bytes) => {
    const input = inputs[channel / 2];
    if (input !== undefined && !input.destroyed && !input.writableEnded) writeOrPause(webSocket, input, bytes);
  });
  webSocket.on("error", () => webSocket.terminate());
  webSocket.on("close", () => {
    for (const input of inputs) input.end();
  });
  const tell = (channel: number, bytes: Buffer): Promise<void> =>
    new Promise((resolve) => channels.send(channel, bytes, () => resolve()));

  const serve = async (input: PassThrough, index: number): Promise<void> => {
    const port = ports[index] ?? 0;
    const number = Buffer.of(port & 0xff, port >> 8);
    await tell(2 * index, number);
    await tell(2 * index + 1, number);
    let failure: string | undefined;
    try {
      const target = await connect(port);
      webSocket.once("close", () => target.stream.destroy());
      input.pipe(target.stream);
      // The way back decides: there is no half-closed connection on channels.
      await pipeline(target.stream, channels.writer(2 * index)).catch(() => undefined);
      target.stream.destroy();
      failure = await target.failure;
    } catch (cause) {
      failure = cause instanceof Error ? cause.message : String(cause);
    } finally {
      input.destroy();
    }
    if (failure !== undefined) await tell(2 * index + 1, Buffer.from(sayFailure(port, failure)));
  };
  await Promise.all(inputs.map(serve));
  webSocket.close(1000);
}
