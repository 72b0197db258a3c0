/** Tables of admission webhooks and policies. */
import { type DeepReadonly, labelSelectorMatcher } from "@coxswain/apimachinery";
import { ageOf, printer, type TablePrinter } from "../../table.ts";
import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  ParamKind,
  ParamRef,
  MutatingWebhookConfiguration,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
} from "./types.ts";

export const webhookTable: TablePrinter<ValidatingWebhookConfiguration | MutatingWebhookConfiguration> = printer(
  ["Webhooks#", "Age"],
  (configuration, now) => [configuration.webhooks?.length ?? 0, ageOf(configuration, now)],
);

export const admissionPolicyTable: TablePrinter<ValidatingAdmissionPolicy> = printer(
  ["Validations#", "ParamKind", "Age"],
  (policy, now) => [policy.spec?.validations?.length ?? 0, kindText(policy.spec?.paramKind), ageOf(policy, now)],
);

export const mutatingPolicyTable: TablePrinter<MutatingAdmissionPolicy> = printer(
  ["Mutations#", "ParamKind", "Age"],
  (policy, now) => [policy.spec?.mutations?.length ?? 0, kindText(policy.spec?.paramKind), ageOf(policy, now)],
);

function kindText(kind: DeepReadonly<ParamKind> | undefined): string {
  return kind === undefined ? "<unset>" : `${kind.apiVersion ?? ""}/${kind.kind ?? ""}`;
}

export const admissionPolicyBindingTable: TablePrinter<
  ValidatingAdmissionPolicyBinding | MutatingAdmissionPolicyBinding
> = printer(["PolicyName", "ParamRef", "Age"], (binding, now) => {
  return [binding.spec?.policyName ?? "", parameters(binding.spec?.paramRef), ageOf(binding, now)];
});

function parameters(reference: DeepReadonly<ParamRef> | undefined): string {
  if (reference?.name) return `${reference.namespace || "*"}/${reference.name}`;
  return reference?.selector === undefined ? "<unset>" : labelSelectorMatcher(reference.selector).toString();
}
