// DELETE of a collection: every object that the selectors pick, each as if deleted by itself. The answer lists them.
import { isNotFound } from "@coxswain/apimachinery";
import { readListOptions } from "../core/options.ts";
import { deleteObject, readOptions } from "./delete.ts";
import { itemsOf, selectFrom } from "./list.ts";
import type { Answer, Exchange, Parts } from "./parts.ts";

/** Deletions under way at once. */
const concurrency = 16;

export async function removeCollection(parts: Parts, exchange: Exchange): Promise<Answer> {
  const { kind, info, query } = exchange;
  const listOptions = readListOptions(query, kind, false);
  const options = await readOptions(exchange);
  const feed = parts.feed(kind);
  await feed.whenAt(await parts.storage.revision(), 3000);
  const items = selectFrom(feed.cache, kind, info.namespace, listOptions);
  const entries = [...items];
  const revision = feed.cache.revision;
  const worker = async (): Promise<void> => {
    for (let entry = entries.shift(); entry; entry = entries.shift()) {
      try {
        await deleteObject(parts, exchange, entry.name, options, entry.namespace);
      } catch (error) {
        // Someone else was faster: what was wanted has happened.
        if (!isNotFound(error)) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return { type: "list", kind, metadata: { resourceVersion: String(revision) }, items: await itemsOf(kind, items) };
}
