/** Tables of admission webhooks and policies. */
import { ageOf, printer, type TablePrinter } from "../../table.ts";
import type {
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
  (policy, now) => {
    const kind = policy.spec?.paramKind;
    return [
      policy.spec?.validations?.length ?? 0,
      kind === undefined ? "<unset>" : `${kind.apiVersion ?? ""}/${kind.kind ?? ""}`,
      ageOf(policy, now),
    ];
  },
);

export const admissionPolicyBindingTable: TablePrinter<ValidatingAdmissionPolicyBinding> = printer(
  ["PolicyName", "ParamRef", "Age"],
  (binding, now) => {
    const reference = binding.spec?.paramRef;
    const text =
      reference === undefined
        ? "<unset>"
        : reference.namespace
          ? `${reference.namespace}/${reference.name ?? ""}`
          : (reference.name ?? "");
    return [binding.spec?.policyName ?? "", text, ageOf(binding, now)];
  },
);
