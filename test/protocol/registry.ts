// A small image registry (distribution API v2, reading only) that serves one image under any name: `private/…` to those who sign in,
// by password or by token; `busy/…` to nobody, with 429. The engine takes 127.0.0.1 without TLS.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

export interface TestRegistry extends AsyncDisposable {
  readonly host: string;
  readonly digest: string;
  /** Manifests that were asked for, by repository. */
  readonly asked: ReadonlyMap<string, number>;
}

export const registryUser = { username: "somebody", password: "secret" };
const basic = `Basic ${Buffer.from(`${registryUser.username}:${registryUser.password}`).toString("base64")}`;
const token = "a-token-for-somebody";

export async function startRegistry(image: string, sign: "password" | "token"): Promise<TestRegistry> {
  const blobs = new Map<string, Buffer>();
  const keep = (bytes: Buffer): { readonly digest: string; readonly size: number } => {
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    blobs.set(digest, bytes);
    return { digest, size: bytes.length };
  };
  const dir = mkdtempSync(join(tmpdir(), "coxswain-registry-"));
  execFileSync("docker", ["save", image, "-o", join(dir, "image.tar")]);
  execFileSync("tar", ["-xf", "image.tar"], { cwd: dir });
  const [saved] = JSON.parse(readFileSync(join(dir, "manifest.json"), "utf8")) as [
    { Config: string; Layers: string[] },
  ];
  // A label of its own, so that the engine does not find the image to be there already.
  const config = JSON.parse(readFileSync(join(dir, saved.Config), "utf8")) as {
    config: { Labels?: Record<string, string> };
  };
  config.config.Labels = { registry: `${process.pid} ${sign}` };
  const docker = "application/vnd.docker";
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: `${docker}.distribution.manifest.v2+json`,
      config: { mediaType: `${docker}.container.image.v1+json`, ...keep(Buffer.from(JSON.stringify(config))) },
      layers: saved.Layers.map((layer) => ({
        mediaType: `${docker}.image.rootfs.diff.tar.gzip`,
        ...keep(gzipSync(readFileSync(join(dir, layer)))),
      })),
    }),
  );
  const { digest } = keep(manifest);
  rmSync(dir, { recursive: true });
  const asked = new Map<string, number>();
  let host = "";

  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://registry");
    const refuse = (status: number, code: string, headers: Record<string, string> = {}): void =>
      void response.writeHead(status, headers).end(JSON.stringify({ errors: [{ code, message: code.toLowerCase() }] }));
    if (pathname === "/token") {
      if (searchParams.get("scope")?.includes("private/") && request.headers.authorization !== basic)
        return refuse(401, "UNAUTHORIZED");
      return void response.end(JSON.stringify({ token: request.headers.authorization === basic ? token : "nobody" }));
    }
    const challenge = sign === "password" ? 'Basic realm="test"' : `Bearer realm="http://${host}/token",service="test"`;
    const [, repository = "", kind, name = ""] = /^\/v2\/(.+)\/(manifests|blobs)\/(.+)$/.exec(pathname) ?? [];
    if (kind === undefined && !isAuthorized(request, sign))
      return refuse(401, "UNAUTHORIZED", { "www-authenticate": challenge });
    if (kind === undefined) return void response.end("{}");
    if (kind === "manifests") asked.set(repository, (asked.get(repository) ?? 0) + 1);
    if (repository.startsWith("busy/")) return refuse(429, "TOOMANYREQUESTS");
    if (repository.startsWith("private/") && !isAuthorized(request, sign))
      return refuse(401, "UNAUTHORIZED", { "www-authenticate": challenge });
    const bytes = kind === "manifests" ? manifest : blobs.get(name);
    if (!bytes) return refuse(404, "BLOB_UNKNOWN");
    response.writeHead(200, {
      "content-type": kind === "manifests" ? `${docker}.distribution.manifest.v2+json` : "application/octet-stream",
      "content-length": bytes.length,
      "docker-content-digest": kind === "manifests" ? digest : name,
    });
    response.end(request.method === "HEAD" ? undefined : bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    digest,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      const images = execFileSync("docker", [
        "images",
        "-q",
        "--filter",
        `label=registry=${process.pid} ${sign}`,
      ]).toString();
      const ids = [...new Set(images.split("\n").filter((id) => id !== ""))];
      if (ids.length > 0) execFileSync("docker", ["rmi", "-f", ...ids], { stdio: "ignore" });
    },
  };
}

function isAuthorized(request: IncomingMessage, sign: "password" | "token"): boolean {
  return request.headers.authorization === (sign === "password" ? basic : `Bearer ${token}`);
}
