// A Storage that counts and times what is asked of another one, under the names kube-apiserver has for its talks with etcd.
import type { Clock } from "@coxswain/clock";
import type { Metrics } from "@coxswain/daemon";
import type { Storage } from "../../core/storage.ts";
import type { metricTable } from "../../metrics.ts";

export function measured(
  storage: Storage,
  ports: { readonly clock: Clock; readonly metrics: Metrics<typeof metricTable> },
): Storage {
  const { clock, metrics } = ports;
  const time = async <T>(operation: string, key: string, work: Promise<T>): Promise<T> => {
    const about = { operation, type: typeOf(key) };
    const startedMs = clock.monotonic();
    try {
      return await work;
    } catch (error) {
      metrics.storeFailures.inc(about);
      throw error;
    } finally {
      metrics.storeRequests.inc(about);
      metrics.storeDurations.observe((clock.monotonic() - startedMs) / 1000, about);
    }
  };
  return {
    ...storage,
    get: (key) => time("get", key, storage.get(key)),
    recheck: (key, known) => time("get", key, storage.recheck(key, known)),
    create: (key, value, ttl) => time("create", key, storage.create(key, value, ttl)),
    replace: (key, value, expected, ttl) => time("update", key, storage.replace(key, value, expected, ttl)),
    remove: (key, expected) => time("delete", key, storage.remove(key, expected)),
    page: (request) => time("list", request.from, storage.page(request)),
    revision: () => time("getCurrentResourceVersion", "", storage.revision()),
  };
}

/** The resource of a key: "/registry/pods/…" is about pods. */
function typeOf(key: string): string {
  return key.split("/", 3)[2] ?? "";
}
