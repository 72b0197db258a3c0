// Asks an extender: another process that has a say in filtering, scoring, preemption or binding, by JSON over HTTP (Kubernetes'
// scheduler extender protocol). Knows the messages, not what comes of them.
import { readFileSync } from "node:fs";
import { request as requestHttps } from "node:https";
import type { RequestOptions } from "node:https";
import type { Clock } from "@coxswain/clock";
import type { ExtenderConfiguration } from "../core/configuration/types.ts";
import type { Extender, ExtenderAnswer } from "../core/extender.ts";

// Not imported: the facade of an import evaluates all that node:http has, and so loads the client behind `fetch`, which no daemon uses.
const { request: requestHttp } = process.getBuiltinModule("node:http");

/** More than this is not read of an answer. */
const mostBytes = 64 * 1024 * 1024;

export function createExtender(config: ExtenderConfiguration, clock: Clock): Extender {
  const options = tlsOptions(config);
  const ask = async (verb: string, body: unknown, signal: AbortSignal): Promise<ExtenderAnswer> => {
    const url = new URL(`${config.urlPrefix.replace(/\/$/, "")}/${verb}`);
    const late = new AbortController();
    const timer = clock.setTimeout(
      () => late.abort(new Error(`${url.href} did not answer within ${config.httpTimeoutMs} ms`)),
      config.httpTimeoutMs,
    );
    try {
      return JSON.parse(await post(url, JSON.stringify(body), options, AbortSignal.any([signal, late.signal])));
    } catch (cause) {
      throw late.signal.aborted ? late.signal.reason : cause;
    } finally {
      timer.cancel();
    }
  };
  return { config, ask };
}

function post(url: URL, body: string, options: RequestOptions, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === "https:" ? requestHttps : requestHttp)(
      url,
      {
        ...options,
        method: "POST",
        signal,
        headers: { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) },
      },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size > mostBytes)
            request.destroy(new Error(`the extender at ${url.href} answers more than ${mostBytes} bytes`));
          chunks.push(chunk);
        });
        response.on("error", reject);
        response.on("end", () => {
          if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString());
          else
            reject(new Error(`failed ${url.pathname} with extender at URL ${url.origin}, code ${response.statusCode}`));
        });
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

function tlsOptions({ tls }: ExtenderConfiguration): RequestOptions {
  if (tls === undefined) return {};
  const pem = (data: string, file: string): Buffer | undefined =>
    data !== "" ? Buffer.from(data, "base64") : file === "" ? undefined : readFileSync(file);
  const [cert, key, ca] = [pem(tls.certData, tls.certFile), pem(tls.keyData, tls.keyFile), pem(tls.caData, tls.caFile)];
  return {
    rejectUnauthorized: !tls.insecure,
    ...(tls.serverName === "" ? {} : { servername: tls.serverName }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(ca === undefined ? {} : { ca }),
  };
}
