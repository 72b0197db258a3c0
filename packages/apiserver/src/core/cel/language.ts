// All of the expression language that others use, behind the one door of `lazily.ts`.
export { createAuthorizerValue } from "./authorizer-functions.ts";
export { Budget, CelError, compile, compileMutation, faultAt, parse } from "./environment.ts";
export { dynamicValue, LazyMembers, optional, plainValue } from "./dynamic-values.ts";
export { typeChecker } from "./type-check.ts";
export { celValue } from "./values.ts";
