// At SIGTERM it accepts no more connections, at once; those that are open get their answers, with the wish that they be
// closed. So a connection that comes after SIGTERM is a failed request.
import { createServer } from "node:http";
import { Server } from "node:net";

let ending = false;
const server = createServer((_request, response) => {
  if (ending) response.setHeader("connection", "close");
  response.end(process.env.VERSION);
});
server.keepAliveTimeout = 60_000;
// A busy machine must not lose connections that wait to be accepted.
server.listen(Number(process.env.PORT ?? 8080), undefined, 4096, () => console.log("listens"));
process.on("SIGTERM", () => {
  ending = true;
  // Not the HTTP server's own close: that one cuts kept connections on which a request may be on its way.
  Server.prototype.close.call(server, () => process.exit(0));
  // By then every kept connection has carried a request, and was closed with its answer.
  setTimeout(() => process.exit(0), Number(process.env.LINGER_MS ?? 3_000)).unref();
});
