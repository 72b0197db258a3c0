// Files of a directory over HTTP, for `proxy --www`: what lies in the directory, and nothing that a link or a path leads to elsewhere.
import { createReadStream } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname, join, sep } from "node:path";
import { pipeline } from "node:stream/promises";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".txt": "text/plain; charset=utf-8",
};

export const isDirectory = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

/** `path` is still encoded as in the address, relative to the directory. */
export async function serveFile(
  directory: string,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const missing = (): void =>
    void response.writeHead(404, { "content-type": "text/plain" }).end("404 page not found\n");
  if (request.method !== "GET" && request.method !== "HEAD")
    return void response.writeHead(405, { "content-type": "text/plain" }).end("method not allowed\n");
  const root = await realpath(directory);
  const found = await realpath(join(root, decodeURIComponent(path))).catch(() => undefined);
  if (found === undefined || (found !== root && !found.startsWith(root + sep))) return missing();
  if (!(await stat(found)).isDirectory()) return send(found, request, response);
  if (path !== "" && !path.endsWith("/")) {
    response.writeHead(301, { location: `${path.split("/").at(-1)}/` }).end();
    return;
  }
  const names = await readdir(found, { withFileTypes: true });
  if (names.some(({ name }) => name === "index.html")) return send(join(found, "index.html"), request, response);
  const lines = names
    .map((entry) => `${entry.name}${entry.isDirectory() ? "/" : ""}`)
    .sort()
    .map(
      (name) => `<a href="${encodeURI(name)}">${name.replace(/[<>&"]/g, (sign) => `&#${sign.charCodeAt(0)};`)}</a>\n`,
    );
  response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
  response.end(`<!doctype html>\n<pre>\n${lines.join("")}</pre>\n`);
}

async function send(file: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { size } = await stat(file);
  response.writeHead(200, {
    "content-type": types[extname(file)] ?? "application/octet-stream",
    "content-length": size,
  });
  if (request.method === "HEAD") return void response.end();
  await pipeline(createReadStream(file), response);
}
