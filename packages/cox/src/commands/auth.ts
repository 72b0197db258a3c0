// `cox auth`: what I may do, who the server takes me for, and roles brought up to date.

import { bool, dryRunFlag, filenameFlags, outputFlags, text } from "../args/common.ts";
import type { Command } from "../command.ts";
import { list, part, str, texts } from "../describe/page.ts";
import { CommandError, ExitError } from "../failure.ts";
import { createPrinter } from "../print/printer.ts";
import { alignTabs, tableTabs } from "../print/tabs.ts";
import { call, createObject, getObject, isNotFound, replaceObject } from "../resource/api.ts";
import type { Obj } from "../resource/api.ts";
import { fromFiles } from "../resource/builder.ts";
import { createReporter, dryRunOf } from "../resource/report.ts";
import { ruleLines } from "../describe/rules.ts";
import type { Session } from "../session.ts";

const canI: Command = {
  usage: "auth can-i VERB [TYPE | TYPE/NAME | NONRESOURCEURL] [options]",
  summary: "Check whether an action is allowed",
  examples: `
# May I create pods anywhere?
cox auth can-i create pods --all-namespaces

# What may I do here?
cox auth can-i --list`,
  flags: {
    "all-namespaces": bool("If true, check the specified action in all namespaces.", { short: "A" }),
    list: bool("If true, prints all allowed actions."),
    "no-headers": bool("If true, prints allowed actions without headers"),
    quiet: bool("If true, suppress output and just return the exit code.", { short: "q" }),
    subresource: text("SubResource such as pod/log or deployment/scale"),
  },
  run: async (session, args) => {
    const namespace = args.flag("all-namespaces") ? "" : session.namespace;
    if (args.flag("list")) return listRules(session, namespace, args.flag("no-headers"));
    const [verb, what, ...names] = args.words;
    if (verb === undefined || what === undefined || names.length > 1)
      throw new CommandError(
        "you must specify two arguments: verb resource or verb resource/resourceName.\nSee 'cox auth can-i -h' for help and examples.",
      );
    const answer: {
      readonly status?: { readonly allowed?: boolean; readonly reason?: string; readonly evaluationError?: string };
    } = await call(session, {
      method: "POST",
      path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
      body: {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SelfSubjectAccessReview",
        spec: what.startsWith("/")
          ? { nonResourceAttributes: { path: what, verb } }
          : {
              resourceAttributes: await attributes(session, verb, what, names[0], namespace, args.text("subresource")),
            },
      },
    });
    const allowed = answer.status?.allowed === true;
    const { reason = "", evaluationError = "" } = answer.status ?? {};
    if (!args.flag("quiet"))
      session.out.write(
        `${allowed ? "yes" : "no"}${reason === "" || allowed ? "" : ` - ${reason}`}${evaluationError === "" ? "" : ` - ${evaluationError}`}\n`,
      );
    if (!allowed) throw new ExitError(1);
  },
};

async function attributes(
  session: Session,
  verb: string,
  what: string,
  second: string | undefined,
  namespace: string,
  subresource: string,
): Promise<unknown> {
  const [type = "", slashed] = what.split("/");
  const mapper = await session.mapper();
  const found = type === "*" ? undefined : await mapper.lookup(type);
  if (found === undefined && type !== "*")
    session.err.write(`Warning: the server doesn't have a resource type '${type}'\n\n`);
  if (found !== undefined && !found.namespaced && namespace !== "")
    session.err.write(
      `Warning: resource '${found.resource}' is not namespace scoped${found.group === "" ? "" : ` in group '${found.group}'`}\n\n`,
    );
  return {
    namespace,
    verb,
    group: found?.group ?? (type === "*" ? "*" : ""),
    resource: found?.resource ?? type,
    ...(subresource === "" ? {} : { subresource }),
    ...((slashed ?? second) === undefined ? {} : { name: slashed ?? second }),
  };
}

async function listRules(session: Session, namespace: string, bare: boolean): Promise<void> {
  const answer: Obj = await call(session, {
    method: "POST",
    path: "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
    body: {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SelfSubjectRulesReview",
      spec: { namespace: namespace === "" ? "default" : namespace },
    },
  });
  const status = part(answer["status"]);
  const rules = [...list(status["resourceRules"]), ...list(status["nonResourceRules"])];
  const lines = ruleLines(rules)
    .map((line) => `${line}\n`)
    .join("");
  session.out.write(
    alignTabs(`${bare ? "" : "Resources\tNon-Resource URLs\tResource Names\tVerbs\n"}${lines}`, tableTabs),
  );
  if (status["incomplete"] === true)
    session.err.write(`warning: the list may be incomplete: ${str(status["evaluationError"])}\n`);
}

const whoami: Command = {
  usage: "auth whoami [options]",
  summary: "Experimental: Check self subject attributes",
  flags: { ...outputFlags },
  run: async (session, args) => {
    const answer: Obj = await call(session, {
      method: "POST",
      path: "/apis/authentication.k8s.io/v1/selfsubjectreviews",
      body: { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" },
    });
    const printer = await createPrinter(args);
    if (printer !== undefined) return session.out.write(await printer(answer));
    const user = part(part(answer["status"])["userInfo"]);
    const extra = Object.entries(part(user["extra"])).sort(([left], [right]) => (left < right ? -1 : 1));
    const rows = [
      ["Username", str(user["username"])],
      ["UID", str(user["uid"])],
      ["Groups", texts(user["groups"]).length === 0 ? "" : `[${texts(user["groups"]).join(" ")}]`],
      ...extra.map(([key, values]) => [`Extra: ${key}`, `[${texts(values).join(" ")}]`]),
    ].filter(([, value]) => value !== "");
    session.out.write(
      alignTabs(`ATTRIBUTE\tVALUE\n${rows.map(([name, value]) => `${name}\t${value}\n`).join("")}`, tableTabs),
    );
  },
};

const reconcile: Command = {
  usage: "auth reconcile -f FILENAME [options]",
  summary: "Reconciles rules for RBAC role, role binding, cluster role, and cluster role binding objects",
  flags: {
    ...filenameFlags,
    ...outputFlags,
    ...dryRunFlag,
    "remove-extra-permissions": bool("If true, removes extra permissions added to roles"),
    "remove-extra-subjects": bool("If true, removes extra subjects added to rolebindings"),
  },
  run: async (session, args) => {
    const dryRun = dryRunOf(session, args);
    const report = await createReporter(session, args);
    for (const info of await fromFiles(session, args)) {
      if (info.descriptor.group !== "rbac.authorization.k8s.io")
        throw new CommandError(`only rbac.authorization.k8s.io/v1 is supported: ${info.descriptor.kind}`);
      const now = await getObject(session, info.descriptor, info.namespace, info.name).catch((error: unknown) => {
        if (isNotFound(error)) return undefined;
        throw error;
      });
      const merge = (field: string, only: boolean): unknown => {
        const wanted = list(info.object[field]);
        return only
          ? wanted
          : [
              ...wanted,
              ...list(now?.[field]).filter(
                (each) => !wanted.some((other) => JSON.stringify(other) === JSON.stringify(each)),
              ),
            ];
      };
      const field = info.descriptor.kind.endsWith("Binding") ? "subjects" : "rules";
      const wanted = {
        ...info.object,
        metadata: {
          ...info.object.metadata,
          ...(now?.metadata.resourceVersion === undefined ? {} : { resourceVersion: now.metadata.resourceVersion }),
        },
        [field]: merge(field, args.flag(field === "rules" ? "remove-extra-permissions" : "remove-extra-subjects")),
      } as Obj;
      const options = { dryRun: dryRun === "server" };
      const object =
        dryRun === "client"
          ? wanted
          : now === undefined
            ? await createObject(session, info.descriptor, info.namespace, info.object, options)
            : await replaceObject(session, info.descriptor, info.namespace, wanted, options);
      await report(info.descriptor, object, "reconciled");
    }
  },
};

const entry = (command: Command) => ({ summary: command.summary, load: () => Promise.resolve(command) });

export const auth: Command = {
  usage: "auth SUBCOMMAND [options]",
  summary: "Inspect authorization",
  flags: {},
  subcommands: { "can-i": entry(canI), reconcile: entry(reconcile), whoami: entry(whoami) },
};
