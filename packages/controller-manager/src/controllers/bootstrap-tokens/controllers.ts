// The two controllers of bootstrap tokens: one signs the discovery ConfigMap with them, one removes those that have ended.
import { configMaps, secrets as secretResource } from "@coxswain/api/core/v1";
import { objectKey } from "@coxswain/apimachinery";
import { isConflict, isNotFound } from "@coxswain/client";
import type { ReconcileResult } from "@coxswain/controller";
import { createLoop, wakeOn } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { sameJson } from "../../loop/same-json.ts";
import { endOfToken, signedData } from "./plan.ts";

const discovery = "kube-public/cluster-info";

export function createBootstrapSignerController(ports: ControllerPorts): Controller {
  const { client, informers, clock } = ports;
  const maps = informers.configMaps();
  const tokens = informers.bootstrapTokens();
  const mapClient = client.resource(configMaps);

  const reconcile = async (_key: string, signal: AbortSignal): Promise<ReconcileResult | void> => {
    const map = maps.get(discovery);
    if (map === undefined) return undefined;
    const known = tokens.list();
    const data = signedData(map, known, clock.now());
    if (data !== undefined && !sameJson(data, map.data)) await mapClient.update({ ...map, data }, { signal });
    const ends = known.map(endOfToken).filter((end) => end !== undefined && end > clock.now());
    const next = Math.min(...ends.map((end) => end ?? Number.POSITIVE_INFINITY));
    return Number.isFinite(next) ? { wakeAfterMs: next - clock.now() } : undefined;
  };

  const watches = [
    wakeOn(maps, (map) => (objectKey(map) === discovery ? [discovery] : [])),
    wakeOn(tokens, () => [discovery]),
  ];
  return createLoop({ name: "bootstrap_signer_queue", concurrency: 1, watches, reconcile }, ports);
}

export function createTokenCleanerController(ports: ControllerPorts): Controller {
  const { client, informers, clock, log } = ports;
  const tokens = informers.bootstrapTokens();
  const secretClient = client.resource(secretResource);

  const reconcile = async (key: string, signal: AbortSignal): Promise<ReconcileResult | void> => {
    const secret = tokens.get(key);
    const end = secret && endOfToken(secret);
    if (secret === undefined || end === undefined) return undefined;
    if (end > clock.now()) return { wakeAfterMs: end - clock.now() };
    const { namespace, name, uid = "" } = secret.metadata;
    await secretClient.delete({ namespace, name }, { preconditions: { uid }, signal }).catch((error: unknown) => {
      if (!isNotFound(error) && !isConflict(error)) throw error; // gone, or another one of that name
    });
    log.info({ controller: "token-cleaner", object: key, because: "it has ended" }, "a bootstrap token is removed");
    return undefined;
  };

  return createLoop(
    { name: "token_cleaner", watches: [wakeOn(tokens, (secret) => [objectKey(secret)])], reconcile },
    ports,
  );
}
