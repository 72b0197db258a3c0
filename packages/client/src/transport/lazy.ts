// A transport that is loaded with its first request: most commands of a command line end without one, and nobody needs both versions of HTTP.
import type { Transport } from "./transport.ts";

export function createLazyTransport(load: () => Promise<Transport>): Transport {
  let loading: Promise<Transport> | undefined;
  let closed = false;
  return {
    async send(request) {
      loading ??= load();
      const transport = await loading;
      if (closed) transport.close();
      return transport.send(request);
    },
    close() {
      closed = true;
      void loading?.then((transport) => transport.close());
    },
  };
}
