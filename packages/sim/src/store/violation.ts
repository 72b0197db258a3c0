// What a check found: the name of the promise that was broken, and how.
export class Violation extends Error {
  override readonly name = "Violation";
  readonly check: string;

  constructor(check: string, message: string) {
    super(message);
    this.check = check;
  }
}
