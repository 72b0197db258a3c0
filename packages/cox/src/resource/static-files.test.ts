import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serveFile } from "./static-files.ts";

let server: Server;
let directory: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "coxswain-www-"));
  mkdirSync(join(directory, "www", "site"), { recursive: true });
  writeFileSync(join(directory, "secret"), "not for you");
  writeFileSync(join(directory, "www", "a b.txt"), "text");
  writeFileSync(join(directory, "www", "site", "index.html"), "<p>site</p>");
  symlinkSync("../secret", join(directory, "www", "link"));
  server = createServer((asked, response) => {
    serveFile(join(directory, "www"), (asked.url ?? "/").slice(1), asked, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true, force: true });
});

/** Not fetch: it would take ".." out of the path before it is sent. */
const get = (path: string, method = "GET"): Promise<readonly [number, string | undefined, string]> =>
  new Promise((resolve, reject) => {
    const { port } = server.address() as AddressInfo;
    request({ host: "127.0.0.1", port, path, method, agent: false }, (answer) => {
      let text = "";
      answer.on("data", (chunk: Buffer) => (text += chunk.toString()));
      answer.on("end", () => resolve([answer.statusCode ?? 0, answer.headers["content-type"], text]));
    })
      .on("error", reject)
      .end();
  });

describe("files of a directory", () => {
  it("are served with their type, folders by their index or as a list", async () => {
    expect([await get("/a%20b.txt"), await get("/site/"), await get("/")]).toEqual([
      [200, "text/plain; charset=utf-8", "text"],
      [200, "text/html; charset=utf-8", "<p>site</p>"],
      [
        200,
        "text/html; charset=utf-8",
        '<!doctype html>\n<pre>\n<a href="a%20b.txt">a b.txt</a>\n<a href="link">link</a>\n<a href="site/">site/</a>\n</pre>\n',
      ],
    ]);
    expect((await get("/site"))[0]).toBe(301);
  });

  it("are served from nowhere else, and never changed", async () => {
    expect([
      await get("/../secret"),
      await get("/..%2fsecret"),
      await get("/link"),
      await get("/nothing"),
      await get("/a%20b.txt", "PUT"),
    ]).toEqual([
      ...Array.from({ length: 4 }, () => [404, "text/plain", "404 page not found\n"]),
      [405, "text/plain", "method not allowed\n"],
    ]);
  });
});
