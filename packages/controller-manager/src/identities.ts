// Who each controller is to the API server: a service account of its own in kube-system, with the rights of its own role and no others.
// Tokens are asked for when first needed and renewed well before they end. After Kubernetes' SimpleControllerClientBuilder.
import { serviceAccounts } from "@coxswain/api/core/v1";
import type { TokenRequest } from "@coxswain/api/authentication/v1";
import { isAlreadyExists, isNotFound, withToken } from "@coxswain/client";
import type { Client, TokenSource } from "@coxswain/client";
import type { Clock, Random } from "@coxswain/clock";

const namespace = "kube-system";
const lifeSeconds = 3600;
/** A token is replaced when this part of its life is over. */
const renewAfter = 0.8;

export interface IdentityPorts {
  /** As the controller manager itself: makes accounts and asks for their tokens. */
  readonly own: Client;
  /** The same servers without any credentials. */
  readonly anonymous: Client;
  readonly clock: Clock;
  readonly random: Random;
}

/** A client that acts as the service account; the account is made if it is missing. */
export function clientOfAccount(name: string, ports: IdentityPorts): Client {
  return withToken(ports.anonymous, createAccountTokens(name, ports), ports);
}

interface Known {
  token: Promise<string>;
  /** Infinite while the token is being asked for. */
  renewAtMs: number;
}

function createAccountTokens(name: string, { own, clock }: IdentityPorts): TokenSource {
  const accounts = own.resource(serviceAccounts);
  let known: Known | undefined;

  const ask = (): Promise<TokenRequest> =>
    accounts.createSubresource<TokenRequest>({ namespace, name }, "token", {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: { expirationSeconds: lifeSeconds },
    });

  const make = async (): Promise<void> => {
    try {
      await accounts.create({ apiVersion: "v1", kind: "ServiceAccount", metadata: { namespace, name } });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  };

  const renew = async (asking: Known): Promise<string> => {
    const granted = await ask().catch(async (error: unknown) => {
      if (!isNotFound(error)) throw error;
      await make();
      return ask();
    });
    const { token = "", expirationTimestamp = "" } = granted.status ?? {};
    asking.renewAtMs = clock.now() + (Date.parse(expirationTimestamp) - clock.now()) * renewAfter;
    return token;
  };

  return {
    async current() {
      if (known === undefined || clock.now() >= known.renewAtMs) {
        // Everybody who comes meanwhile waits for the same answer.
        const asking: Known = { renewAtMs: Number.POSITIVE_INFINITY, token: Promise.resolve("") };
        known = asking;
        asking.token = renew(asking);
        asking.token.catch(() => {
          if (known === asking) known = undefined;
        });
      }
      return known.token;
    },
    rejected(token) {
      const refused = known;
      void refused?.token.then(
        (current) => {
          if (current === token && known === refused) known = undefined;
        },
        () => undefined, // whoever asked for it has been told
      );
    },
  };
}
