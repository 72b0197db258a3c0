// Policies show their writers what they read: a message may quote a parameter. So whoever writes a policy with parameters must be allowed to read all
// objects of their kind, and whoever binds it those that the binding refers to. After Kubernetes' `registry/admissionregistration/*/authz.go`; part of
// storage there, so no flag turns it off.
import type { ParamKind, ParamRef } from "@coxswain/api/admissionregistration/v1";
import type { ApiObject, FieldError } from "@coxswain/apimachinery";
import { fieldErrors, jsonEqual, parseApiVersion, StatusError, statuses } from "@coxswain/apimachinery";
import type { Subject } from "../../authz/attributes.ts";
import type { Kinds } from "../../registry/kind.ts";
import type { AdmissionAttributes, AdmissionPlugin, Authorizer, ObjectReader } from "../../request.ts";

const group = "admissionregistration.k8s.io";
/** Bindings, by the resource of the policies that they bind. */
const policiesOf: Readonly<Record<string, string>> = {
  validatingadmissionpolicybindings: "validatingadmissionpolicies",
  mutatingadmissionpolicybindings: "mutatingadmissionpolicies",
};
const policies: ReadonlySet<string> = new Set(Object.values(policiesOf));

interface Written extends ApiObject {
  readonly spec?: {
    readonly paramKind?: ParamKind;
    readonly policyName?: string;
    readonly paramRef?: ParamRef;
  };
}

export function createParamAccess(ports: {
  readonly objects: ObjectReader;
  readonly kinds: Pick<Kinds, "ofType">;
  readonly authorizer: Authorizer;
}): AdmissionPlugin {
  const { objects, kinds, authorizer } = ports;
  const mayRead = (user: Subject, paramKind: ParamKind | undefined, verb: string, namespace: string, name: string) => {
    const type = parseApiVersion(paramKind?.apiVersion ?? "");
    const known = type && paramKind && kinds.ofType({ ...type, kind: paramKind.kind ?? "" });
    const of = { group: type?.group ?? "*", version: type?.version ?? "*", resource: known?.resource ?? "*" };
    const asked = {
      ...(paramKind ? of : { group: "*", version: "*", resource: "*" }),
      subresource: "",
      namespace,
      name,
    };
    return authorizer.authorize({ kind: "resource", user, verb, ...asked }).decision === "allow";
  };

  const policyError = (
    { user }: AdmissionAttributes,
    { spec }: Written,
    old: Written | undefined,
  ): FieldError | undefined => {
    const kind = spec?.paramKind;
    if (!kind || jsonEqual(kind, old?.spec?.paramKind ?? null) || mayRead(user, kind, "get", "*", "*"))
      return undefined;
    return fieldErrors.forbidden(
      "spec.paramKind",
      `user ${shown(user)} must have "get" permission on all objects of the referenced paramKind (kind=${kind.kind ?? ""}, apiVersion=${kind.apiVersion ?? ""})`,
    );
  };
  const bindingError = async (
    { user, resource }: AdmissionAttributes,
    { spec }: Written,
    old: Written | undefined,
  ): Promise<FieldError | undefined> => {
    const ref = spec?.paramRef;
    const isSame = jsonEqual([ref, spec?.policyName], [old?.spec?.paramRef, old?.spec?.policyName]);
    if (!ref || (old && isSame)) return undefined;
    const { name = "", namespace = "" } = ref;
    const verb = name === "" ? "list" : "get";
    const of = { group, resource: policiesOf[resource.resource] ?? "" };
    const policy: Written | undefined = await objects.read(of, "", spec.policyName ?? "");
    if (mayRead(user, policy?.spec?.paramKind, verb, namespace, name)) return undefined;
    return fieldErrors.forbidden(
      "spec.paramRef",
      `user ${shown(user)} does not have "${verb}" permission on the object referenced by paramRef`,
    );
  };

  return {
    name: "ParamAccess",
    handles: ({ resource, operation, subresource }) =>
      resource.group === group && subresource === "" && (operation === "CREATE" || operation === "UPDATE"),
    async validate(attributes) {
      const { object, oldObject, user, resource, kind } = attributes;
      if (!object || user.groups.includes("system:masters")) return;
      const isBinding = resource.resource in policiesOf;
      if (!isBinding && !policies.has(resource.resource)) return;
      const error = await (isBinding ? bindingError : policyError)(attributes, object, oldObject);
      if (error) throw new StatusError(statuses.invalid(kind, object.metadata.name, [error]));
    },
  };
}

/** As Go prints a user. */
function shown({ username, uid = "", groups, extra = {} }: Subject): string {
  const more = Object.entries(extra).map(([key, values]) => `${key}:[${values.join(" ")}]`);
  return `&{${username} ${uid} [${groups.join(" ")}] map[${more.join(" ")}]}`;
}
