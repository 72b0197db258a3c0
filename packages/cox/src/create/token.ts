// `create token`: a token for a service account, by its TokenRequest.
import { StatusError } from "@coxswain/apimachinery";
import { array, duration, text } from "../args/common.ts";
import { UsageError } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { CommandError } from "../failure.ts";
import { createPrinter } from "../print/printer.ts";
import { call, pathOf } from "../resource/api.ts";
import { creationFlags } from "./creation.ts";

export const token: Command = {
  usage: "create token SERVICE_ACCOUNT_NAME [options]",
  summary: "Request a service account token",
  flags: {
    ...creationFlags,
    audience: array("Audience of the requested token."),
    "bound-object-kind": text("Kind of an object to bind the token to."),
    "bound-object-name": text("Name of an object to bind the token to."),
    "bound-object-uid": text("UID of an object to bind the token to."),
    duration: duration("Requested lifetime of the issued token."),
  },
  run: async (session, args) => {
    const [name] = args.words;
    if (name === undefined || args.words.length > 1)
      throw new UsageError(`exactly one NAME is required, got ${args.words.length}`);
    const accounts = await (await session.mapper()).find("serviceaccounts");
    const kind = args.text("bound-object-kind");
    if (kind !== "" && !["Node", "Pod", "Secret"].includes(kind))
      throw new CommandError("supported --bound-object-kind values are Node, Pod, Secret");
    const answer: { readonly status: { readonly token: string } } = await call<{
      readonly status: { readonly token: string };
    }>(session, {
      method: "POST",
      path: pathOf(accounts, session.namespace, name, "token"),
      body: {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        spec: {
          audiences: args.list("audience"),
          ...(args.has("duration") ? { expirationSeconds: Math.round(args.duration("duration") / 1000) } : {}),
          ...(kind === ""
            ? {}
            : {
                boundObjectRef: {
                  kind,
                  apiVersion: "v1",
                  name: args.text("bound-object-name"),
                  ...(args.text("bound-object-uid") === "" ? {} : { uid: args.text("bound-object-uid") }),
                },
              }),
        },
      },
    }).catch((error: unknown) => {
      if (!(error instanceof StatusError)) throw error;
      throw new CommandError(`failed to create token: ${error.message}`, { cause: error });
    });
    const printer = await createPrinter(args);
    session.out.write(printer ? await printer(answer) : `${answer.status.token}\n`);
  },
};
