import { serviceAccounts } from "@coxswain/api/core/v1";
import { StatusError, statuses } from "@coxswain/apimachinery";
import type { Client } from "@coxswain/client";
import { rfc3339 } from "@coxswain/clock";
import { createSeededRandom, createSimulatedClock } from "@coxswain/clock/testing";
import { createFakeApi } from "@coxswain/controller/testing";
import { expect, it } from "vitest";
import { clientOfAccount } from "./identities.ts";

/** A server that gives out tokens "1", "2", … for an hour each, once the account is there, and knows only the newest. */
function createServer() {
  const [clock, random] = [createSimulatedClock(), createSeededRandom(1)];
  const api = createFakeApi({ clock, random });
  const authorizations: (string | undefined)[] = [];
  let issued = 0;
  const own: Client = {
    ...api.client,
    resource: (descriptor) => ({
      ...api.client.resource(descriptor),
      createSubresource: async <R>({ name }: { readonly name: string }) => {
        if (!api.all(serviceAccounts).some((account) => account.metadata.name === name))
          throw new StatusError(statuses.notFound(serviceAccounts, name));
        issued++;
        return { status: { token: `${issued}`, expirationTimestamp: rfc3339(clock.now() + 3_600_000) } } as R;
      },
    }),
  };
  const anonymous: Client = {
    ...api.client,
    request: ({ headers }) => {
      authorizations.push(headers?.["authorization"]);
      const status = headers?.["authorization"] === `Bearer ${issued}` ? 200 : 401;
      return Promise.resolve({ status, headers: {}, body: new Uint8Array(), text: () => "", json: () => ({}) });
    },
  };
  const client = clientOfAccount("job-controller", { own, anonymous, clock, random });
  const ask = async (): Promise<number> => (await client.request({ method: "GET", path: "/" })).status;
  return { clock, ask, authorizations, writes: api.writes, revoke: () => issued++ };
}

it("a controller's account is made once, its token asked for once by all and renewed before it ends", async () => {
  const { clock, ask, authorizations, writes } = createServer();
  await Promise.all([ask(), ask()]);
  await clock.advance(2_800_000);
  await ask();
  await clock.advance(200_000);
  await ask();
  expect(writes).toEqual(["create serviceaccounts kube-system/job-controller"]);
  expect(authorizations).toEqual(["Bearer 1", "Bearer 1", "Bearer 1", "Bearer 2"]);
});

it("a token that the server no longer knows is not sent again", async () => {
  const { ask, authorizations, revoke } = createServer();
  await ask();
  revoke();
  expect([await ask(), await ask()]).toEqual([401, 200]);
  expect(authorizations).toEqual(["Bearer 1", "Bearer 1", "Bearer 3"]);
});
