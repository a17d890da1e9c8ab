// How long the steps of a real host may take. Measured on two busy cores: debootstrap 50–100 s, a boot 3 s.

/** Also the time another test run may take that makes the same tree. */
export const rootfsTimeoutMs = 600_000;
export const copyTimeoutMs = 120_000;
export const bootTimeoutMs = 90_000;
export const commandTimeoutMs = 60_000;
export const endTimeoutMs = 30_000;
/** Packing copies 180 MB, installing unpacks them and compares. */
export const installTimeoutMs = 180_000;
