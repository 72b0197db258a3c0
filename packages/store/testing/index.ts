// What a simulation needs in place of the store's sockets, logs and metrics, and the codec of its messages.
export { createLocalServer } from "./local-server.ts";
export type { LocalClient, LocalServer, LocalWatchReader, LocalWatchStream } from "./local-server.ts";
export { quietMetrics } from "./quiet-metrics.ts";
export { decodeMessage, encodeMessage } from "../src/io/peer/codec.ts";
export { decodeSnapshot, encodeSnapshot } from "../src/io/peer/codec.ts";
export { readCluster } from "../src/io/peer/ask.ts";
export { readStoredPair } from "./stored-pair.ts";
export type { StoredPair } from "./stored-pair.ts";
export { defaultConfig } from "./default-config.ts";
export { unsealed } from "../src/io/backend/sealed-store.ts";
