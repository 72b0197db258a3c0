// The machine's own logs as the kubelet shows them (`/api/v1/nodes/NAME/proxy/logs/`): folders as lists of links, files as they are. A link that
// leads out of the folder is as if it were not there: pods may write below it.
import { createReadStream } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { HttpsServerPorts } from "@coxswain/daemon";

type App = Parameters<NonNullable<HttpsServerPorts["routes"]>>[0];

export const systemLogDirectory = "/var/log";

export type SystemLog =
  | { readonly kind: "file"; readonly path: string; readonly size: number }
  | { readonly kind: "folder"; readonly page: string };

export function systemLogRoutes(app: App, root: string): void {
  app.get("/logs", (_request, reply) => reply.redirect("/logs/", 301));
  app.get<{ Params: { readonly "*": string } }>("/logs/*", async (request, reply) => {
    const wanted = request.params["*"];
    const found = await findSystemLog(root, wanted);
    if (!found) return reply.code(404).type("text/plain").send("404 page not found\n");
    if (found.kind === "file") {
      reply.type("text/plain; charset=utf-8").header("content-length", found.size);
      // It may grow meanwhile.
      return reply.send(found.size === 0 ? "" : createReadStream(found.path, { end: found.size - 1 }));
    }
    // Its links are relative to it.
    if (wanted !== "" && !wanted.endsWith("/")) return reply.redirect(`${encodeURIComponent(basename(wanted))}/`, 301);
    return reply.type("text/html; charset=utf-8").send(found.page);
  });
}

/** Undefined where there is nothing that may be shown. */
export async function findSystemLog(root: string, wanted: string): Promise<SystemLog | undefined> {
  if (wanted.includes("\0")) return undefined;
  const base = await realpath(root).catch(() => undefined);
  const path = await realpath(join(root, wanted)).catch(() => undefined);
  if (base === undefined || path === undefined || (path !== base && !path.startsWith(`${base}/`))) return undefined;
  const about = await stat(path);
  if (about.isFile()) return { kind: "file", path, size: about.size };
  if (!about.isDirectory()) return undefined;
  const entries = await readdir(path, { withFileTypes: true });
  const names = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).toSorted();
  return { kind: "folder", page: `<pre>\n${names.map(linkTo).join("")}</pre>\n` };
}

function linkTo(name: string): string {
  const address = name.split("/").map(encodeURIComponent).join("/");
  return `<a href="./${address}">${name.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)}</a>\n`;
}
