// What follows from one service port alone is worked out once: of ten thousand services one has changed. Results are kept
// as long as the port's object lives and the settings stay the same.
import type { ServicePort } from "./service-port.ts";

/** `work` must depend on nothing but the port and the settings; its result must not be changed. */
export function perPort<S, T>(
  work: (port: ServicePort, settings: S) => T,
): (port: ServicePort, settings: S, key: string) => T {
  const known = new WeakMap<ServicePort, { readonly key: string; readonly result: T }>();
  return (port, settings, key) => {
    const before = known.get(port);
    if (before?.key === key) return before.result;
    const result = work(port, settings);
    known.set(port, { key, result });
    return result;
  };
}
