// The second door of etcd-api: its HTTP/2 by itself, for the API server, which speaks it with its own clients, and for load generators.
export { Http2Connection } from "./connection.ts";
export type { ConnectionEvents, ConnectionOptions } from "./connection.ts";
export { errorCodes } from "./frame.ts";
export { encodeHeaders, repeatedHeaders } from "./hpack.ts";
export type { Headers } from "./hpack.ts";
export type { Http2Stream, StreamHandler } from "./stream.ts";
