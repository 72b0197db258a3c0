// DELETE of a collection: every object that the selectors pick, each as if deleted by itself. The answer lists them.
import { isNotFound } from "@coxswain/apimachinery";
import type { ReadDeleteOptions } from "../core/options.ts";
import { readListOptions } from "../core/options.ts";
import { deleteObject, readOptions } from "./delete.ts";
import { itemsOf, list, selectFrom } from "./list.ts";
import type { Answer, Exchange, Parts } from "./parts.ts";

/** Deletions under way at once. */
const concurrency = 16;

export async function removeCollection(parts: Parts, exchange: Exchange): Promise<Answer> {
  const { kind, info, query } = exchange;
  const listOptions = readListOptions(query, kind, false);
  const options = await readOptions(exchange);
  const { limit, continueToken, resourceVersion } = listOptions;
  if (limit > 0 || continueToken !== "" || resourceVersion !== "") {
    // A page of it, or a state: what a list would show goes, and the answer says where the next page begins.
    const page = await list(parts, exchange);
    if (page.type === "list")
      await deleteEach(
        parts,
        exchange,
        options,
        page.items.map((item) => item.object().metadata),
      );
    return page;
  }
  const feed = parts.feed(kind);
  await feed.whenAt(await parts.storage.revision(), 3000);
  const items = selectFrom(feed.cache, kind, info.namespace, listOptions);
  const revision = feed.cache.revision;
  await deleteEach(parts, exchange, options, items);
  return { type: "list", kind, metadata: { resourceVersion: String(revision) }, items: await itemsOf(kind, items) };
}

async function deleteEach(
  parts: Parts,
  exchange: Exchange,
  options: ReadDeleteOptions,
  names: readonly { readonly name: string; readonly namespace?: string | undefined }[],
): Promise<void> {
  const left = [...names];
  const worker = async (): Promise<void> => {
    for (let next = left.shift(); next; next = left.shift()) {
      try {
        await deleteObject(parts, exchange, next.name, options, next.namespace);
      } catch (error) {
        // Someone else was faster: what was wanted has happened.
        if (!isNotFound(error)) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}
