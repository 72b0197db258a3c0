// Sees to it that every living namespace has the service account "default".
import { serviceAccounts } from "@coxswain/api/core/v1";
import { objectKey } from "@coxswain/apimachinery";
import { isAlreadyExists, isForbidden } from "@coxswain/client";
import { createLoop, wakeOn } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";

export function createServiceAccountController(ports: ControllerPorts): Controller {
  const namespaces = ports.informers.namespaces();
  const accounts = ports.informers.serviceAccounts();
  const accountClient = ports.client.resource(serviceAccounts);

  const reconcile = async (key: string, signal: AbortSignal): Promise<void> => {
    const namespace = namespaces.get(key);
    if (namespace === undefined || namespace.metadata.deletionTimestamp !== undefined || accounts.get(`${key}/default`))
      return;
    const account = {
      apiVersion: "v1" as const,
      kind: "ServiceAccount" as const,
      metadata: { name: "default", namespace: key },
    };
    await accountClient.create(account, { signal }).catch((error: unknown) => {
      // Made meanwhile, or the namespace began to end.
      if (!isAlreadyExists(error) && !isForbidden(error)) throw error;
    });
  };

  const watches = [
    wakeOn(namespaces, (namespace) => [objectKey(namespace)]),
    wakeOn(accounts, (account) => (account.metadata.name === "default" ? [account.metadata.namespace ?? ""] : [])),
  ];
  return createLoop({ name: "serviceaccount", watches, reconcile }, ports);
}
