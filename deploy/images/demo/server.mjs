// The demo's web server: answers with its pod's name, its node and its version. `/healthz` for probes, `/slow` takes
// two seconds, `/crash` ends the process with exit code 3. The message comes from a mounted ConfigMap, read again for
// every request, so that a change shows without a restart.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { hostname } from "node:os";

const port = Number(process.env.PORT ?? 8080);
const version = process.env.VERSION ?? "1";
const messageFile = process.env.MESSAGE_FILE ?? "/etc/demo/message";

const server = createServer((request, response) => {
  const path = new URL(request.url ?? "/", "http://demo").pathname;
  switch (path) {
    case "/healthz":
      return answer(response, 200, "ok\n");
    case "/slow":
      return void setTimeout(() => answer(response, 200, describe()), 2000);
    case "/crash":
      console.error("asked to crash");
      response.end("crashing\n", () => process.exit(3));
      return;
    case "/":
      return answer(response, 200, describe());
    default:
      return answer(response, 404, `no such page: ${path}\n`);
  }
});

server.listen(port, () => console.log(`demo version ${version} of pod ${podName()} listens on port ${port}`));
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, () => {
    console.log(`${signal}: finishing what is open`);
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
}

function describe() {
  return `${message()} from pod ${podName()} on node ${process.env.NODE_NAME ?? "unknown"}, version ${version}\n`;
}

function message() {
  try {
    return readFileSync(messageFile, "utf8").trim();
  } catch (error) {
    if (error.code === "ENOENT") return "hello";
    throw error;
  }
}

function podName() {
  return process.env.POD_NAME ?? hostname();
}

function answer(response, status, body) {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", connection: "close" });
  response.end(body);
}
