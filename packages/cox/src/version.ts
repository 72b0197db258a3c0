// The command line's own version, in one place.
export const coxVersion = "0.1.0";
