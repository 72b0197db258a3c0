// POST: decode, default, mutating admission, prepare, validate, validating admission, store. Names made by generateName are
// drawn again when they are taken.
import { StatusError, statuses } from "@coxswain/apimachinery";
import type { ApiObject } from "@coxswain/apimachinery";
import { parseBody } from "../core/body/decode-body.ts";
import { trackUpdate } from "../core/field-manager.ts";
import { agreeWithPath, generatedName, nameOwnersOnce, stampCreate } from "../core/metadata.ts";
import type { WriteOptions } from "../core/options.ts";
import { readWriteOptions, shownOptions } from "../core/options.ts";
import { asWritten, toBeStored } from "../core/registry/convert.ts";
import { decodeStored, encodeForStore } from "../core/registry/encoding.ts";
import type { Kind } from "../core/registry/kind.ts";
import { prepareForCreate } from "../core/registry/strategy.ts";
import type { Loose } from "../core/registry/strategy.ts";
import { mutatingAdmission, validatingAdmission } from "./admit.ts";
import { answerOf, keyOf } from "./get.ts";
import type { Answer, Exchange, Parts } from "./parts.ts";
import { isService } from "./parts.ts";
import { storeWrite, writeWithoutOwnersIfTooLarge } from "./store-write.ts";

/** How often a name is drawn before the client is told to try again. */
const nameAttempts = 8;

export async function create(parts: Parts, exchange: Exchange): Promise<Answer> {
  const { kind, query } = exchange;
  const options = readWriteOptions(query, "CreateOptions");
  const parsed = parseBody(await exchange.body(), exchange.contentType, kind.kind);
  const object = kind.rules.decode(parsed, options.fieldValidation, exchange.warn);
  exchange.audit?.requested(object);
  return createObject(parts, exchange, object, options);
}

/** Everything after decoding; PUT and apply come here, too, when there is nothing to change yet. */
export async function createObject(
  parts: Parts,
  exchange: Exchange,
  object: ApiObject,
  options: WriteOptions,
): Promise<Answer> {
  const { kind, info } = exchange;
  agreeWithPath(kind, object, info.namespace, info.name);
  const base = object.metadata.name ? "" : (object.metadata.generateName ?? "");
  if (info.verb !== "patch") nameOwnersOnce(object, "as sent", exchange.warn);
  stampCreate(object, parts.random.uuid(), parts.clock.now());
  // Only decoding leaves an object complete; admission, which sees it next, may rely on defaults.
  kind.rules.setDefaults(object);
  for (let attempt = 1; ; attempt += 1) {
    const own = base === "" ? object : structuredClone(object);
    if (base !== "") own.metadata.name = generatedName(base, parts.random.suffix(5));
    const answer = await tryCreate(parts, exchange, own, options);
    if (answer) return answer;
    if (base === "") throw await taken(parts, kind, own);
    if (attempt >= nameAttempts) throw new StatusError(statuses.generateNameConflict(kind, own.metadata.name, 1));
  }
}

/** 409; whoever waits for the name is told that it will be free. */
async function taken({ storage }: Parts, kind: Kind, { metadata }: ApiObject): Promise<StatusError> {
  const status = statuses.alreadyExists(kind, metadata.name);
  const { value } = await storage.get(keyOf(kind, metadata.namespace ?? "", metadata.name));
  const leaves = value && decodeStored(value.value, value.revision).metadata.deletionTimestamp !== undefined;
  return new StatusError(leaves ? { ...status, message: `object is being deleted: ${status.message}` } : status);
}

/** Undefined when the name is taken. */
async function tryCreate(
  parts: Parts,
  exchange: Exchange,
  given: ApiObject,
  options: WriteOptions,
): Promise<Answer | undefined> {
  const { kind } = exchange;
  const { dryRun } = options;
  const subject = {
    operation: "CREATE",
    oldObject: undefined,
    name: given.metadata.name ?? "",
    dryRun,
    options: shownOptions("CreateOptions", options),
  } as const;
  // Who wrote it owns what was written, not what admission and the strategy add.
  if (kind.hasStatus && !kind.strategy.createsWithStatus) delete (given as Loose)["status"];
  if (!options.isApply) trackUpdate(kind, given, undefined, { options, exchange, nowMs: parts.clock.now() });
  const { uid, creationTimestamp, namespace } = given.metadata;
  const admitted = (await mutatingAdmission(parts, exchange, { ...subject, object: given })) ?? given;
  nameOwnersOnce(admitted, "as admitted", exchange.warn);
  // Whatever a webhook says of them: they are the server's.
  if (admitted !== given) agreeWithServer(admitted, { uid, creationTimestamp, namespace });
  prepareForCreate(kind.strategy, kind.blankStatus(), admitted, {
    nowMs: parts.clock.now(),
    subresource: "",
    user: exchange.user,
  });
  const allocated = isService(kind) ? await parts.services.allocate(admitted, undefined, dryRun) : undefined;
  const object = allocated?.service ?? admitted;
  try {
    await kind.rules.prepare?.(object);
    const errors = kind.rules.validateCreate(object);
    if (errors.length > 0) throw new StatusError(statuses.invalid(kind, object.metadata.name ?? "", errors));
    for (const warning of kind.rules.warnings(object)) exchange.warn(warning);
    await validatingAdmission(parts, exchange, { ...subject, object });
    const key = keyOf(kind, object.metadata.namespace ?? "", object.metadata.name);
    if (dryRun) {
      if ((await parts.storage.get(key)).value) return undefined;
      return { type: "object", code: 201, object: asWritten(kind, object), kind };
    }
    const written = async (): Promise<Answer | undefined> => {
      const value = encodeForStore(await toBeStored(kind, object));
      const outcome = await storeWrite(parts, kind, { key, value, object }, () =>
        parts.storage.create(key, value, kind.strategy.ttlSeconds),
      );
      return outcome.kind === "exists" ? undefined : answerOf(kind, 201, { key, value, revision: outcome.revision });
    };
    const answer = await (options.isApply ? written() : writeWithoutOwnersIfTooLarge(object, written));
    if (answer) await allocated?.commit();
    else await allocated?.revert();
    return answer;
  } catch (error) {
    await allocated?.revert();
    throw error;
  }
}

function agreeWithServer(
  { metadata }: ApiObject,
  own: Pick<ApiObject["metadata"], "uid" | "creationTimestamp" | "namespace">,
): void {
  if ((metadata.namespace ?? "") !== (own.namespace ?? ""))
    throw new StatusError(
      statuses.badRequest("the namespace of the provided object does not match the namespace sent on the request"),
    );
  metadata.uid = own.uid;
  metadata.creationTimestamp = own.creationTimestamp;
}
