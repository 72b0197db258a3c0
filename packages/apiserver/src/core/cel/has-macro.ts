// `has(self.items[0].name)`: the library's `has` knows members of members of variables only; here it is taught the rest, in place, before the
// expression is checked.
import type { Node } from "./tree.ts";
import { isNode, visitNodes } from "./tree.ts";

interface Checker {
  check(node: unknown, context: unknown): unknown;
  getType(name: string): unknown;
}
interface Evaluator {
  run(node: unknown, context: unknown): unknown;
  debugType(value: unknown): { fieldLazy(value: unknown, name: unknown, node: unknown, evaluator: unknown): unknown };
}
interface Macro {
  typeCheck: (checker: Checker, self: unknown, context: unknown) => unknown;
  evaluate: (evaluator: Evaluator, self: unknown, context: unknown) => unknown;
}

export function teachHas(root: unknown): void {
  visitNodes(root, (node) => {
    const [name, given] = Array.isArray(node.args) ? (node.args as readonly unknown[]) : [];
    const macro = node.meta["macro"];
    const asked = node.op === "call" && name === "has" && Array.isArray(given) ? (given[0] as unknown) : undefined;
    if (!isNode(asked) || asked.op !== "." || !isMacro(macro) || isChain(asked)) return;
    const [base, member] = asked.args as readonly [Node, string];
    macro.typeCheck = (checker, _self, context) => (checker.check(base, context), checker.getType("bool"));
    macro.evaluate = (evaluator, _self, context) => {
      const value = evaluator.run(base, context);
      return evaluator.debugType(value).fieldLazy(value, member, asked, evaluator) !== undefined;
    };
  });
}

function isMacro(value: unknown): value is Macro {
  return typeof value === "object" && value !== null && "typeCheck" in value && "evaluate" in value;
}

function isChain(node: Node): boolean {
  const isSelection = node.op === "." || node.op === ".?";
  const base: unknown = isSelection && Array.isArray(node.args) ? node.args[0] : undefined;
  return isSelection ? isNode(base) && isChain(base) : node.op === "id";
}
