// GET of component statuses: they lie in no store and have no versions.
import { StatusError, statuses } from "@coxswain/apimachinery";
import type { ApiObject } from "@coxswain/apimachinery";
import { readListOptions } from "../core/options.ts";
import { encodeObject } from "../core/registry/encoding.ts";
import type { ComponentStatuses } from "../io/component-statuses.ts";
import type { Answer, Exchange } from "./parts.ts";

export async function answerComponentStatuses(components: ComponentStatuses, exchange: Exchange): Promise<Answer> {
  const { kind, info, query } = exchange;
  if (info.verb === "get") {
    const object = await components.read(info.name);
    if (!object) throw new StatusError(statuses.notFound(kind, info.name));
    return { type: "object", code: 200, object, kind };
  }
  if (info.verb !== "list") throw new StatusError(statuses.methodNotAllowed());
  readListOptions(query, kind, false);
  const found = await Promise.all(components.names.map((name) => components.read(name)));
  const items = found.flatMap((object) => (object ? [itemOf(object)] : []));
  return { type: "list", kind, metadata: { resourceVersion: "" }, items };
}

function itemOf(object: ApiObject): { tail: Buffer; tailBytes: number; object: () => ApiObject } {
  const bytes = encodeObject(object);
  const tail = bytes.subarray(bytes.indexOf('"metadata"'));
  return { tail, tailBytes: tail.length, object: () => structuredClone(object) };
}
