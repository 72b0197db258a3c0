// Tolerations and taints as texts.
import { num, str } from "./page.ts";
import type { Part } from "./page.ts";

export function tolerationTexts(all: readonly Part[]): string[] {
  return all
    .toSorted((left, right) =>
      str(left["key"]) < str(right["key"]) ? -1 : str(left["key"]) > str(right["key"]) ? 1 : 0,
    )
    .map((toleration) => {
      const [key, value, effect, operator] = ["key", "value", "effect", "operator"].map((name) =>
        str(toleration[name]),
      );
      let text = key ?? "";
      if (value !== "") text += `=${value}`;
      if (effect !== "") text += `:${effect}`;
      if (operator === "Exists" && value === "") text += key !== "" || effect !== "" ? " op=Exists" : "op=Exists";
      if (toleration["tolerationSeconds"] !== undefined) text += ` for ${num(toleration["tolerationSeconds"])}s`;
      return text;
    });
}

export const taintText = (taint: Part): string =>
  str(taint["value"]) === ""
    ? `${str(taint["key"])}:${str(taint["effect"])}`
    : `${str(taint["key"])}=${str(taint["value"])}:${str(taint["effect"])}`;
