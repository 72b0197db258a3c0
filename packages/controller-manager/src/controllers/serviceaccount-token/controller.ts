// Fills secrets of type kubernetes.io/service-account-token with a token of the account they name, and removes those whose account is gone.
// After Kubernetes' `tokens_controller.go`. It makes no secrets: tokens that end are asked for from the API server.
import { readFile } from "node:fs/promises";
import { secrets as secretResource, serviceAccounts } from "@coxswain/api/core/v1";
import type { Secret, ServiceAccount } from "@coxswain/api/core/v1";
import { objectKey } from "@coxswain/apimachinery";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { isConflict, isNotFound } from "@coxswain/client";
import { createLoop, wakeOn } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";

const nameAnnotation = "kubernetes.io/service-account.name";
const uidAnnotation = "kubernetes.io/service-account.uid";

export interface ServiceAccountTokenConfig {
  /** PEM file of the key that tokens are signed with; "" leaves secrets as they are. */
  readonly keyFile: string;
  readonly rootCa: string;
}

export function createServiceAccountTokenController(
  ports: ControllerPorts,
  { keyFile, rootCa }: ServiceAccountTokenConfig,
): Controller {
  const { client, informers, log } = ports;
  const secrets = informers.serviceAccountTokens();
  const accounts = informers.serviceAccounts();
  const secretClient = client.resource(secretResource);
  const accountClient = client.resource(serviceAccounts);

  const reconcile = async (key: string, signal: AbortSignal): Promise<void> => {
    const secret = secrets.get(key);
    if (keyFile === "" || secret === undefined || secret.metadata.deletionTimestamp !== undefined) return;
    const account = await accountOf(secret, signal);
    if (account === undefined) return remove(secret, signal);
    const filled = await fill(secret, account);
    if (filled === undefined) return;
    await secretClient.update(filled, { signal });
    log.info({ controller: "serviceaccount-token", object: key, because: "it had no token" }, "a token is made");
  };

  /** Asks the server when the cache does not know the account: it may be new, and the secret would be lost. */
  const accountOf = async (
    { metadata: { namespace, annotations } }: DeepReadonly<Secret>,
    signal: AbortSignal,
  ): Promise<DeepReadonly<ServiceAccount> | undefined> => {
    const name = annotations?.[nameAnnotation] ?? "";
    const wanted = annotations?.[uidAnnotation];
    const isIt = (account: DeepReadonly<ServiceAccount>): boolean => !wanted || account.metadata.uid === wanted;
    const known = accounts.get(`${namespace}/${name}`);
    if (known && isIt(known)) return known;
    try {
      const found = (await accountClient.get({ namespace, name }, { signal })) as DeepReadonly<ServiceAccount>;
      return isIt(found) ? found : undefined;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };

  const fill = async (
    secret: DeepReadonly<Secret>,
    account: DeepReadonly<ServiceAccount>,
  ): Promise<DeepReadonly<Secret> | undefined> => {
    const { namespace = "", name, annotations } = secret.metadata;
    const uid = account.metadata.uid ?? "";
    const data = { ...secret.data };
    data["ca.crt"] ??= encode(rootCa);
    data["namespace"] ??= encode(namespace);
    if (!data["token"]) {
      // Signing costs some megabytes of libraries; few clusters still need it.
      const { createTokenSigner } = await import("@coxswain/pki");
      const signer = createTokenSigner(await readFile(keyFile, "utf8"));
      const serviceaccount = { name: account.metadata.name, uid };
      data["token"] = encode(await signer.signLegacy({ namespace, secretName: name, serviceaccount }));
    }
    const isWhole = Object.keys(data).every((key) => secret.data?.[key] !== undefined);
    if (isWhole && annotations?.[uidAnnotation] === uid) return undefined;
    return { ...secret, metadata: { ...secret.metadata, annotations: { ...annotations, [uidAnnotation]: uid } }, data };
  };

  const remove = async ({ metadata }: DeepReadonly<Secret>, signal: AbortSignal): Promise<void> => {
    const { namespace, name, uid = "" } = metadata;
    await secretClient.delete({ namespace, name }, { preconditions: { uid }, signal }).catch((error: unknown) => {
      if (!isNotFound(error) && !isConflict(error)) throw error; // gone, or another one of that name
    });
    log.info(
      { controller: "serviceaccount-token", object: `${namespace}/${name}`, because: "its account is gone" },
      "a token is removed",
    );
  };

  const watches = [
    wakeOn(secrets, (secret) => [objectKey(secret)]),
    wakeOn(accounts, ({ metadata }) =>
      secrets.byIndex("account", `${metadata.namespace}/${metadata.name}`).map(objectKey),
    ),
  ];
  return createLoop({ name: "serviceaccount_tokens_secret", watches, reconcile }, ports);
}

function encode(text: string): string {
  return Buffer.from(text).toString("base64");
}
