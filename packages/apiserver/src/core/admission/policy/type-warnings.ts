// What a ValidatingAdmissionPolicy's status says of the types of its expressions: each is looked at beside the kinds that the policy names, and may go
// wrong for some of them. After apiserver's `policy/validating/typechecking.go`.
import type { ExpressionWarning, ValidatingAdmissionPolicy } from "@coxswain/api/admissionregistration/v1";
import { loadLanguage } from "../../cel/lazily.ts";
import type { Kind } from "../../registry/kind.ts";
import { memberTypesOf } from "./member-types.ts";
import { policyVariables } from "./variables.ts";

/** More are not looked at. */
const mostKinds = 10;

export type FindKind = (group: string, version: string, resource: string) => Promise<Kind | undefined>;

export async function typeWarnings(
  { spec = {} }: ValidatingAdmissionPolicy,
  find: FindKind,
): Promise<readonly ExpressionWarning[]> {
  const kinds = await kindsOf(spec, find);
  if (kinds.length === 0) return [];
  const { typeChecker } = await loadLanguage();
  const variables = policyVariables(spec);
  const checks = kinds.map(({ group, version, kind, types }) => {
    const check = typeChecker(variables, { object: types, oldObject: types });
    return (expression: string): string[] => {
      const fault = check(expression);
      return fault === undefined ? [] : [`${group}/${version}, Kind=${kind}: ${fault}\n`];
    };
  });
  const expressions = (spec.validations ?? []).flatMap(({ expression, messageExpression = "" }, index) => [
    [`spec.validations[${index}].expression`, expression] as const,
    [`spec.validations[${index}].messageExpression`, messageExpression] as const,
  ]);
  return expressions
    .filter(([, expression]) => expression.trim() !== "")
    .map(([fieldRef, expression]) => ({ fieldRef, warning: checks.flatMap((check) => check(expression)).join("\n") }))
    .filter(({ warning }) => warning !== "");
}

/** Only those that are named: an asterisk means kinds that nobody knows yet. */
async function kindsOf(
  { matchConstraints }: NonNullable<ValidatingAdmissionPolicy["spec"]>,
  find: FindKind,
): Promise<
  readonly (Pick<Kind, "group" | "version" | "kind"> & { readonly types: ReturnType<typeof memberTypesOf> })[]
> {
  const found = new Map<string, Kind>();
  for (const { apiGroups = [], apiVersions = [], resources = [] } of matchConstraints?.resourceRules ?? []) {
    if (apiGroups.includes("*") || apiVersions.includes("*")) continue;
    for (const group of apiGroups)
      for (const version of apiVersions)
        for (const resource of resources.filter((name) => !/[*/]/.test(name))) {
          const kind = found.size < mostKinds ? await find(group, version, resource) : undefined;
          if (kind) found.set(`${group}/${version}/${kind.kind}`, kind);
        }
  }
  return [...found]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([, kind]) => ({ group: kind.group, version: kind.version, kind: kind.kind, types: memberTypesOf(kind) }));
}
