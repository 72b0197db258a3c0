/** Validation of conditions of the shared shape: each type once, with a status, a time and a reason. */
import { type Condition, type DeepReadonly, type FieldError, fieldErrors } from "@coxswain/apimachinery";
import { qualifiedName } from "./values.ts";

const { invalid, required, notSupported, duplicate, tooLong } = fieldErrors;
const states = ["False", "True", "Unknown"];
const reasonShape = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?";

export function validateConditions(conditions: readonly DeepReadonly<Condition>[], path: string): FieldError[] {
  const seen = new Set<string>();
  return conditions.flatMap((condition, index) => {
    const here = `${path}[${index}]`;
    const { type, status, reason, message, observedGeneration = 0 } = condition;
    const errors: FieldError[] = [];
    if (seen.has(type)) errors.push(duplicate(`${here}.type`, type));
    seen.add(type);
    errors.push(...(type === "" ? [required(`${here}.type`)] : qualifiedName(type, `${here}.type`)));
    if (!states.includes(status)) errors.push(notSupported(`${here}.status`, status, states));
    if (observedGeneration < 0)
      errors.push(invalid(`${here}.observedGeneration`, observedGeneration, "must be greater than or equal to zero"));
    if (!condition.lastTransitionTime) errors.push(required(`${here}.lastTransitionTime`));
    if (reason === "") errors.push(required(`${here}.reason`));
    else if (!new RegExp(`^${reasonShape}$`).test(reason)) {
      const words = `a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '${reasonShape}')`;
      errors.push(invalid(`${here}.reason`, reason, words));
    }
    if (reason.length > 1024) errors.push(tooLong(`${here}.reason`, reason, 1024));
    if (message.length > 32_768) errors.push(tooLong(`${here}.message`, message, 32_768));
    return errors;
  });
}
