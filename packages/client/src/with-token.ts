// The same servers under another name: one connection for many identities, each told by a bearer token per request.
import { StatusError } from "@coxswain/apimachinery";
import type { Random } from "@coxswain/clock";
import type { Client } from "./client.ts";
import { withVerbs } from "./with-verbs.ts";

export interface TokenSource {
  /** A token that is good now. */
  current(): Promise<string>;
  /** The server did not know this one: the next must be another. */
  rejected(token: string): void;
}

/**
 * A client that sends a token with each request, over the connections of the given one. That one must not show a client
 * certificate: servers believe a certificate before they look at a token. Closing the result closes nothing.
 */
export function withToken(
  client: Client,
  tokens: TokenSource,
  ports: { readonly random?: Pick<Random, "next"> },
): Client {
  const headers = (own: Readonly<Record<string, string>> | undefined, token: string): Record<string, string> => ({
    ...own,
    authorization: `Bearer ${token}`,
  });
  return withVerbs(
    {
      namespace: client.namespace,
      server: client.server,
      async request(request) {
        const token = await tokens.current();
        const answer = await client.request({ ...request, headers: headers(request.headers, token) });
        if (answer.status === 401) tokens.rejected(token);
        return answer;
      },
      async stream(request) {
        const token = await tokens.current();
        try {
          return await client.stream({ ...request, headers: headers(request.headers, token) });
        } catch (error) {
          if (error instanceof StatusError && error.status.code === 401) tokens.rejected(token);
          throw error;
        }
      },
      connect: async (request) =>
        client.connect({ ...request, headers: headers(request.headers, await tokens.current()) }),
      upgrade: async (request) => {
        const { authorization = "" } = headers({}, await tokens.current());
        return client.upgrade({ ...request, headers: { ...request.headers, authorization } });
      },
      close: () => Promise.resolve(),
    },
    ports,
  );
}
